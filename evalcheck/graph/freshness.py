"""Whether a model was ever trained or loaded, as far as its norms can tell.

A rule about statistics means nothing on a model that was just built: its statistics are at their
start because everything is. Norms tell, and only they do so reliably, because they alone start at
known constants: weights are drawn at random before training and look no different after it.

- One norm whose running statistics or counter have moved: run in train mode, hence not fresh.
- One norm whose shift is not constant over its channels: trained or loaded. (Some initialisations
  draw the scale at random, and zero-initialised residual branches start at scale 0, so the scale
  counts only where a norm has no shift.) Unless a linear or convolutional layer still has a constant
  bias: training would have moved that too, so the shifts were drawn at random, as RepVGG's are, or
  only a part was loaded: unknown.
- Otherwise, if some norm has a scale or shift at its start: fresh.
- No norm, or none with scale, shift or moved statistics: unknown.

Wrong for a model whose affine parameters were frozen from the start while the rest was trained,
and whose statistics never moved: that one passes for fresh.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from evalcheck.graph.module_view import ModuleView


def is_fresh(modules: Iterable[ModuleView]) -> bool | None:
    """True if nothing was trained or loaded, False if something was, None if it cannot be told."""
    views = list(modules)
    if any(view.statistics_at_start is False or view.batches for view in views):
        return False
    told = [affine for view in views if (affine := view.affine_at_start) is not None]
    if False in told:
        return None if any(_untouched(view.module) for view in views) else False
    return True if told else None


def _untouched(module: nn.Module) -> bool:
    """A layer that would learn, with a bias as initialisations make it and training does not."""
    if not isinstance(module, (nn.Linear, _ConvNd)):
        return False
    bias = module.bias
    if not isinstance(bias, Tensor) or bias.is_meta or not bias.requires_grad or bias.numel() < 2:
        return False
    return bool((bias == bias[0]).all())
