"""What the mode of a module changes: without an effect its flag says nothing."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import lru_cache

from torch import nn

from evalcheck.graph.building import methods
from evalcheck.graph.kinds import kind_of


def effect(module: nn.Module) -> str | None:
    """What the module does in train mode only, in words; None where both modes are one.

    Rates are looked at as they are set: a dropout at rate 0 has no effect. A class of somebody's own
    has one if its methods read ``self.training``, and it is a leaf or holds a rate above 0.
    """
    kind = kind_of(module)
    if kind == "batchnorm":
        has = getattr(module, "running_mean", None) is not None
        return "normalises by the batch" if has else None
    if kind == "instancenorm":
        return "normalises by the sample" if getattr(module, "track_running_stats", False) else None
    if kind == "dropout":
        return "drops values" if _positive(getattr(module, "p", None)) else None
    if type(module).__module__.startswith("torch."):
        return _of_torch(module)
    if not _reads_training(type(module)):
        return None
    rates = [v for name, v in vars(module).items() if _is_rate(name) and isinstance(v, (int, float))]
    if rates:
        return "drops values" if any(_positive(rate) for rate in rates) else None
    return "reads self.training" if next(module.children(), None) is None else None


def _of_torch(module: nn.Module) -> str | None:
    if isinstance(module, nn.RNNBase):
        return "drops values" if module.dropout and module.num_layers > 1 else None
    if isinstance(module, nn.MultiheadAttention):
        return "drops values" if module.dropout else None
    if isinstance(module, nn.RReLU):
        return "draws slopes" if module.lower != module.upper else None
    return None


def _is_rate(name: str) -> bool:
    return "drop" in name or name in ("p", "rate", "prob")


def _positive(value: object) -> bool:
    return isinstance(value, (int, float)) and value > 0


def _reads(owner: type) -> bool:
    """Whether a method other than ``train`` and ``eval`` reads the module's own flag."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "training"
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        for method in methods.of(owner)
        if method.name not in ("train", "eval", "__init__")
        for node in ast.walk(method.tree)
    )


_reads_training: Callable[[type], bool] = lru_cache(1024)(_reads)
