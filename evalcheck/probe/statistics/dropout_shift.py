"""What a dropout does to the variance in front of a norm, in closed form.

With masks that are independent of the data the law of total variance splits what a norm sees in train
mode: the variance without dropout, and what the masks add. For z = w (x * mask / (1 - q)) with element
masks dropped at rate q,

    Var_train(z) = Var_eval(z) + q / (1 - q) * sum_i w_i^2 E[x_i^2]

whatever the distribution of x is; Li et al. (arXiv 1801.05134, Eq. 8 and 13) is this with equal
correlations. Channel masks (``Dropout2d``) make it the square of each channel's whole contribution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

ELEMENTS = (nn.Dropout,)
CHANNELS = (nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
# By torch's own forward: a subclass may compute something else from the same weight.
WEIGHTED = {nn.Linear.forward, nn.Conv1d.forward, nn.Conv2d.forward, nn.Conv3d.forward}
# Channel masks take a convolution for each input channel; so many are worth a prediction.
WIDEST, ROWS = 256, 32


@dataclass(frozen=True)
class Predicted:
    """``added`` (C,) is the variance that the masks of ``dropout`` (its path) add to a norm's channels."""

    dropout: str
    rate: float
    added: Tensor


@dataclass
class _Seen:
    """A tensor that a dropout or a weighted layer gave, by its storage and version while it is kept."""

    tensor: Tensor
    version: int
    path: str
    added: Callable[[], Tensor] | None = None

    def is_in(self, x: Tensor) -> bool:
        """The same values, perhaps in another shape: nothing wrote to them since."""
        return (
            x.data_ptr() == self.tensor.data_ptr()
            and x.numel() == self.tensor.numel()
            and x._version == self.version
        )


def predicted(
    model: nn.Module,
    norms: Mapping[str, _BatchNorm],
    run: Callable[[], object],
    meanwhile: Callable[[str, Predicted, Tensor], None] = lambda *_: None,
) -> dict[str, Predicted]:
    """What each norm has to expect, for the ways dropout → norm and dropout → linear or convolution → norm.

    ``run`` sends one batch through the model with dropout off; use it under the guard and without
    gradients. Reshapes in between do not matter; norms behind anything else are left out. ``meanwhile`` is
    told of each norm before it runs: its path, what it has to expect, and its input.
    """
    watch = _Watch(dict(model.named_modules()), norms, meanwhile)
    hooks = []
    for path, module in model.named_modules():
        if isinstance(module, (*ELEMENTS, *CHANNELS)) and 0 < module.p < 1:
            hooks.append(module.register_forward_hook(watch.dropped(path, module)))
        elif type(module).forward in WEIGHTED:
            hooks.append(module.register_forward_hook(watch.weighted(path, module)))
        elif path in norms:
            hooks.append(module.register_forward_pre_hook(watch.normed(path)))
    try:
        run()
    finally:
        for hook in hooks:
            hook.remove()
    return watch.found


class _Watch:
    """Follows tensors from module to module through one forward."""

    def __init__(
        self,
        modules: Mapping[str, nn.Module],
        norms: Mapping[str, _BatchNorm],
        meanwhile: Callable[[str, Predicted, Tensor], None],
    ) -> None:
        self.modules, self.norms, self.meanwhile = modules, norms, meanwhile
        self.found: dict[str, Predicted] = {}
        self._drops: dict[int, _Seen] = {}
        self._layers: dict[int, _Seen] = {}

    def dropped(self, path: str, module: Any) -> Any:
        def hook(_: object, __: object, output: Tensor) -> Tensor:
            # A copy of its own: what goes round the dropout holds the same values.
            own = output.clone()
            self._drops[own.data_ptr()] = _Seen(own, own._version, path)
            return own

        return hook

    def weighted(self, path: str, module: Any) -> Any:
        def hook(_: object, args: tuple[Tensor, ...], output: Tensor) -> None:
            seen = self._from(self._drops, args)
            if seen is None:
                return
            x, drop = args[0], self.modules[seen.path]
            alike = x.shape == seen.tensor.shape
            if isinstance(drop, CHANNELS) and x.ndim > 2 and not (alike and _by_channel(module)):
                return
            self._layers[output.data_ptr()] = _Seen(
                output, output._version, seen.path, lambda: _through(module, drop, x)
            )

        return hook

    def normed(self, path: str) -> Any:
        def hook(_: object, args: tuple[Tensor, ...]) -> None:
            direct, through = self._from(self._drops, args), self._from(self._layers, args)
            seen = through or direct
            if seen is None or path in self.found:
                return
            drop: Any = self.modules[seen.path]
            if seen.added is not None:
                added = seen.added()
            elif direct is not None and args[0].shape[:2] == direct.tensor.shape[:2]:
                added = _squares(args[0]) * odds(drop.p)
            else:
                return
            if len(added) == args[0].shape[1]:
                self.found[path] = Predicted(seen.path, float(drop.p), added)
                self.meanwhile(path, self.found[path], args[0])

        return hook

    def _from(self, known: Mapping[int, _Seen], args: tuple[Tensor, ...]) -> _Seen | None:
        x = args[0] if args else None
        seen = known.get(x.data_ptr()) if isinstance(x, Tensor) else None
        return seen if seen is not None and x is not None and seen.is_in(x) else None


def odds(rate: float) -> float:
    """q / (1 - q): the variance of a mask that keeps 1 - q and divides by it."""
    return rate / (1 - rate)


def _squares(x: Tensor) -> Tensor:
    """E[x^2] of each channel, (C,) float32."""
    flat = x.detach().transpose(0, 1).flatten(1)
    return flat.float().square().mean(1)


def _by_channel(module: nn.Module) -> bool:
    return isinstance(module, _ConvNd) and module.groups == 1 and module.in_channels <= WIDEST


def _through(module: Any, drop: Any, x: Tensor) -> Tensor:
    """What the masks add behind a weighted layer, a value for each of its outputs, (C,)."""
    if isinstance(drop, CHANNELS) and x.ndim > 2:
        x, total = x[:ROWS], torch.zeros(module.out_channels, device=x.device)
        for one in range(module.in_channels):
            part = slice(one, one + 1)
            total += _squares(module._conv_forward(x[:, part], module.weight[:, part], None))
        return total * odds(drop.p)
    weight = module.weight.square()
    if isinstance(module, nn.Linear):
        return F.linear(x.square(), weight).flatten(0, -2).mean(0).float() * odds(drop.p)
    made = module._conv_forward(x.square(), weight, None)
    added: Tensor = made.transpose(0, 1).flatten(1).mean(1).float()
    return added * odds(drop.p)
