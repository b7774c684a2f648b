"""Reads a node: which operation it is, whatever spelling it was called by, and on what.

``x.relu_()``, ``F.relu(x)``, ``torch.relu(x)`` and a symbolic ``nn.ReLU`` node are all ``relu``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import fx

from evalcheck.graph.module_view import ModuleView

Modules = Mapping[str, ModuleView]

_PLAIN = ("dropout", "dropout1d", "dropout2d", "dropout3d")
_ALPHA = ("alphadropout", "featurealphadropout", "featuredropout")
_DROPOUTS = frozenset([*_PLAIN, *_ALPHA])


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
    rate = _argument(node, 1, ("p",), 0.5)
    on = _argument(node, 2, ("training", "train"), "alpha" not in operation)
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
    return bool(_argument(node, 5, ("training",), False))


def _argument(node: fx.Node, index: int, names: tuple[str, ...], default: object) -> object:
    for key in names:
        if key in node.kwargs:
            return node.kwargs[key]
    return node.args[index] if len(node.args) > index else default
