"""What single modules do in train mode to the mean of their own output, each on its own input."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.guard import untouched
from evalcheck.probe.passes import Passes
from evalcheck.probe.running import modes

# Healthy modules stay within 0.02 of gain 1 in logarithms, faulty ones are off by 0.36 and more.
STRAIGHT = 0.1
# Standard errors by which a module must be off: several are looked at.
SURE = 3.0


@dataclass(frozen=True)
class Gain:
    """A module's train output against its eval output on the same input.

    ``gain`` is the slope of the first on the second, through the origin; ``error`` its standard error
    from row to row; ``bias`` the squared distance of the mean train output from the eval output, in
    units of the eval output's square, from two independent draws, and ``bias_error`` its standard error.
    """

    gain: float
    error: float
    bias: float
    bias_error: float

    @property
    def scales(self) -> bool:
        """Whether train mode multiplies: dropout without its factor, a gain that only training has."""
        return (self.gain <= 0 or abs(math.log(self.gain)) > STRAIGHT) and abs(
            self.gain - 1
        ) > SURE * self.error

    @property
    def shifts(self) -> bool:
        """Whether the mean of train mode is elsewhere, by a factor or not."""
        return self.scales or (self.bias > STRAIGHT**2 and self.bias > SURE * self.bias_error)


@dataclass
class _Sums:
    """Per row of each call: products of the eval output with itself, with the train output, and of errors."""

    own: list[Tensor] = field(default_factory=list)
    cross: list[Tensor] = field(default_factory=list)
    errors: list[Tensor] = field(default_factory=list)
    refused: bool = False

    @property
    def gain(self) -> Gain | None:
        if self.refused or not self.own:
            return None
        own, cross, errors = (torch.cat(part).double() for part in (self.own, self.cross, self.errors))
        whole = float(own.sum())
        if not whole > 0 or not math.isfinite(whole + float(cross.sum() + errors.sum())):
            return None
        gain, bias = float(cross.sum()) / whole, float(errors.sum()) / whole
        spread, other = (
            (part - rate * own).square().sum().sqrt() for part, rate in ((cross, gain), (errors, bias))
        )
        return Gain(gain, float(spread) / whole, bias, float(other) / whole)


def measured(
    passes: Passes, modules: Mapping[str, nn.Module], batches: list[Batch]
) -> dict[str, Gain | None]:
    """Each module's gain in one pass in eval mode; None for a module that could not be run again.

    After each call the module runs twice more on a copy of the same input with its own flag, and no
    child's, set to train mode.
    """
    found = {path: _Sums() for path in modules}
    model, busy = passes.model, [False]
    with untouched(model, parameters=False), torch.no_grad():
        modes.evaluating(model)
        torch.manual_seed(11)
        for path, module in modules.items():
            module.register_forward_hook(_again(found[path], busy), with_kwargs=True)
        for batch in batches:
            passes.run.forward(batch)
    return {path: sums.gain for path, sums in found.items()}


def _again(sums: _Sums, busy: list[bool]) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        if busy[0] or sums.refused:
            return
        busy[0] = True
        try:
            # The eval output may be the input itself, which a module that works in place overwrites.
            draws = [woken(module, args, kwargs) for _ in range(2)]
            one, two = (corresponding(output, draw) for draw in draws)
        except Exception:  # a cache that was filled by the first run, a draw that refuses: not measured
            sums.refused = True
            return
        finally:
            busy[0] = False
        if one is None or two is None:
            sums.refused = True
            return
        here = one[0]
        sums.own.append(here.square().sum(1))
        sums.cross.append((here * (one[1] + two[1])).sum(1) / 2)
        sums.errors.append(((one[1] - here) * (two[1] - here)).sum(1))

    return hook


def woken(module: nn.Module, args: Any, kwargs: Any) -> Any:
    """The module's forward on a copy of its input, its own flag in train mode for this call."""
    copied = tree.map_tensors(torch.clone, [list(args), dict(kwargs)])
    module.training = True
    try:
        return module.forward(*copied[0], **copied[1])
    finally:
        module.training = False


def corresponding(one: Any, two: Any) -> tuple[Tensor, Tensor] | None:
    """The first float leaf of each as (rows, d) float32; None where they have no like shape."""
    first, second = (
        next((leaf for _, leaf in tree.leaves(each) if leaf.is_floating_point() and leaf.ndim), None)
        for each in (one, two)
    )
    if first is None or second is None or first.shape != second.shape or not first.numel():
        return None
    return first.float().reshape(len(first), -1), second.float().reshape(len(second), -1)


@contextmanager
def multiplied(
    model: nn.Module, modules: Mapping[str, nn.Module], gains: Mapping[str, float]
) -> Iterator[None]:
    """Outputs of some of the modules times their gains, where an output is a tensor or begins with one."""

    def scale(factor: float) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> Any:
            if isinstance(output, Tensor):
                return output * factor
            if isinstance(output, (tuple, list)) and output and isinstance(output[0], Tensor):
                rest = [output[0] * factor, *output[1:]]
                return type(output)(*rest) if hasattr(output, "_fields") else type(output)(rest)
            return None

        return hook

    with untouched(model, parameters=False):
        for path, gain in gains.items():
            modules[path].register_forward_hook(scale(gain))
        yield
