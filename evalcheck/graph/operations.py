"""Reads a node: which operation it is, whatever spelling it was called by, and on what.

``x.relu_()``, ``F.relu(x)``, ``torch.relu(x)`` and a symbolic ``nn.ReLU`` node are all ``relu``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from torch import fx

from evalcheck.graph.module_view import ModuleView

Modules = Mapping[str, ModuleView]

_PLAIN = ("dropout", "dropout1d", "dropout2d", "dropout3d", "nativedropout")
_ALPHA = ("alphadropout", "featurealphadropout", "featuredropout")
_DROPOUTS = frozenset([*_PLAIN, *_ALPHA])
# Where the functions take the rate and the mode; torch's own overloads count both from the tensor.
_ATTENTION = {"scaleddotproductattention": (4, None), "multiheadattentionforward": (10, 13)}
_MODES = {"alphadropout": 2, "featurealphadropout": 2, "rrelu": 3, "batchnorm": 5}
_REFLECTED = re.compile(r"^[ir](?=(add|sub|mul|truediv|div|floordiv|pow|matmul)$)")


@dataclass(frozen=True, slots=True)
class Dropout:
    """A dropout as it was called: its rate, and whether it was active."""

    p: float
    active: bool


def name(node: fx.Node, modules: Modules) -> str:
    """The operation in lower case, without underscores."""
    if node.op == "call_module":
        view = modules.get(str(node.target))
        return view.class_name.lower() if view else ""
    if node.op == "call_method":
        return str(node.target).replace("_", "").lower()
    if node.op == "call_function" and node.target is getattr:
        return str(node.args[1]).replace("_", "").lower()
    target = getattr(node.target, "__name__", "") if node.op == "call_function" else ""
    return target.replace("_", "").lower()


def unprefixed(node: fx.Node) -> str:
    """The operation of a function node, with ``x += y`` and ``1 + x`` as ``add``."""
    return _REFLECTED.sub("", name(node, {}))


def dropout(node: fx.Node, modules: Modules) -> Dropout | None:
    """The node as a dropout, None if it is none. Drop path and its kin are no dropout."""
    if node.op == "call_module":
        view = modules.get(str(node.target))
        if view is None or view.p is None:
            return None
        return Dropout(view.p, active=bool(node.meta["training"]) and view.p > 0)
    operation = name(node, modules)
    if operation not in _DROPOUTS:
        return None
    rate = argument(node, 1, ("p",), 0.5)
    on = argument(node, 2, ("training", "train"), "alpha" not in operation)
    if not isinstance(rate, (int, float)):
        return None
    return Dropout(float(rate), active=bool(on) and rate > 0)


def attention(node: fx.Node) -> Dropout | None:
    """The dropout of attention weights inside a fused attention function, None for anything else."""
    operation = name(node, {}) if node.op == "call_function" else ""
    known = _ATTENTION.get(operation)
    if known is None and not ("dropout_p" in node.kwargs and "att" in operation):
        return None
    place, mode = known or (len(node.args), None)
    rate = argument(node, place, ("dropout_p",), 0.0)
    on = argument(node, mode, ("training",), True) if mode is not None else True
    if not isinstance(rate, (int, float)):
        return None
    return Dropout(float(rate), active=bool(on) and rate > 0)


def normalises(node: fx.Node, modules: Modules) -> bool | None:
    """For a batch norm: whether it used the batch's own statistics; None if it is none."""
    if node.op == "call_module":
        view = modules.get(str(node.target))
        return bool(node.meta["training"]) if view is not None and view.kind == "batchnorm" else None
    if node.op != "call_function" or getattr(node.target, "__name__", "") != "batch_norm":
        return None
    return bool(argument(node, 5, ("training",), False))


def told(node: fx.Node) -> bool | None:
    """Whether a function that is off by default was told that the model trains; None for any other."""
    place = _MODES.get(name(node, {})) if node.op == "call_function" else None
    return None if place is None else bool(argument(node, place, ("training", "train"), False))


def running_statistics(node: fx.Node) -> tuple[object, object]:
    """The running mean and variance that a functional batch norm was given: nodes, or None."""
    mean = 1 if getattr(node.target, "__module__", "") == "torch.nn.functional" else 3
    return argument(node, mean, ("running_mean",), None), argument(node, mean + 1, ("running_var",), None)


def argument(node: fx.Node, index: int, names: tuple[str, ...], default: object) -> object:
    """An argument of a node by name or by position."""
    for key in names:
        if key in node.kwargs:
            return node.kwargs[key]
    return node.args[index] if len(node.args) > index else default
