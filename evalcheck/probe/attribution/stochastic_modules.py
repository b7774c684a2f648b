"""The modules that make train mode's noise: torch's own, and those of the user's that ask for the mode."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

# What rates are called: torch, timm, torchvision, transformers.
RATES = ("p", "drop_prob", "dropout", "drop_rate", "rate", "prob", "attention_dropout", "sigma", "std")


def stochastic(model: nn.Module, readers: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """Those that are in train mode now and may draw or do otherwise there, by path.

    Of modules inside each other the inner ones stand, and a module around them only if it is no more
    than one such module high: running it twice runs all that is in it twice.
    """
    found = {
        path: module
        for path, module in model.named_modules()
        if module.training and (path in readers or _draws(module))
    }
    around = {path for path in found if any(_inside(other, path) for other in found)}
    high = {path for path in around if any(_inside(other, path) for other in around)}
    return {path: module for path, module in found.items() if path not in high}


def rate_of(module: nn.Module) -> float | None:
    """The rate that a module has under one of the usual names; None where it has none."""
    for name in RATES:
        value = getattr(module, name, None)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    return None


def _draws(module: nn.Module) -> bool:
    if isinstance(module, (_DropoutNd, nn.MultiheadAttention, nn.RNNBase)):
        return bool(rate_of(module)) and not (isinstance(module, nn.RNNBase) and module.num_layers < 2)
    return isinstance(module, nn.RReLU)


def _inside(path: str, other: str) -> bool:
    return path != other and (not other or path.startswith(f"{other}."))
