"""What norms and noise do in one mode: by what was run, else by the state of the module."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import fx, nn

from evalcheck.graph import operations
from evalcheck.graph.folding.call_tree import Knot
from evalcheck.graph.folding.operation_kinds import draws, label
from evalcheck.graph.module_view import ModuleView
from evalcheck.picture import BATCH, Role

RUNNING = "running statistics"
RANDOM, OFF = "random", "off"

Modules = Mapping[str, ModuleView]


@dataclass(frozen=True, slots=True)
class Deed:
    """A role, and what was done in it: ``running statistics``, ``p=0.1``; empty where it has no modes."""

    role: Role
    words: str = ""


NOTHING = Deed("plain")


def of(knot: Knot, modules: Modules, fed: set[fx.Node]) -> Deed:
    """What a module call or an operation does as a norm or as a source of noise."""
    if knot.node is not None:
        return _of_node(knot.node, modules, fed)
    view = modules.get(knot.path)
    if view is None or knot.call is None:
        return _of_nodes(knot, modules, fed)
    training = knot.call.training
    inner = _of_nodes(knot, modules, fed)
    if view.kind in ("batchnorm", "instancenorm"):
        return inner if inner.role == "norm" and inner.words else _norm(view, training)
    if view.kind == "othernorm":
        # Weight norm and spectral norm are parametrizations: they norm weights, not what flows through.
        return NOTHING if "parametrizations" in knot.path.split(".") else Deed("norm")
    if view.kind == "dropout":
        return inner if inner.role == "dropout" else Deed("dropout", _rate(view.p, training))
    if isinstance(view.module, (nn.RNNBase, nn.MultiheadAttention)):
        many = not isinstance(view.module, nn.RNNBase) or view.module.num_layers > 1
        return (
            Deed("dropout", _rate(view.module.dropout, training)) if many and view.module.dropout else NOTHING
        )
    return inner


def _of_nodes(knot: Knot, modules: Modules, fed: set[fx.Node]) -> Deed:
    """The sum of a call's own operations: a leaf of the user's own may be a norm or a noise."""
    if knot.parent is None or any(child.call is not None for child in knot.children):
        return NOTHING
    found = [deed for node in knot.own if (deed := _of_node(node, modules, fed)) is not NOTHING]
    roles: tuple[Role, ...] = ("dropout", "noise", "norm")
    for role in roles:
        words = dict.fromkeys(deed.words for deed in found if deed.role == role)
        if words:
            return Deed(role, ", ".join(filter(None, words)))
    return NOTHING


def _of_node(node: fx.Node, modules: Modules, fed: set[fx.Node]) -> Deed:
    name = label(node).replace("_", "")
    if node.op == "call_module":
        return NOTHING
    if (dropout := operations.dropout(node, modules)) is not None:
        return Deed("dropout", _rate(dropout.p, dropout.active or not dropout.p))
    # On weights it is weight standardisation: no norm of what flows through.
    first = next(iter(node.all_input_nodes), None)
    if name in ("batchnorm", "instancenorm") and first is not None and first not in fed:
        return NOTHING
    if (batch := operations.normalises(node, modules)) is not None:
        return Deed("norm", BATCH if batch else RUNNING)
    if name == "instancenorm":
        own = node.kwargs.get("use_input_stats", node.args[5] if len(node.args) > 5 else True)
        return Deed("norm", "each sample's statistics" if own else RUNNING)
    if name in ("layernorm", "groupnorm", "rmsnorm", "localresponsenorm"):
        return Deed("norm")
    if name == "scaleddotproductattention":
        rate = node.kwargs.get("dropout_p", node.args[4] if len(node.args) > 4 else 0.0)
        return Deed("dropout", f"p={rate:g}") if isinstance(rate, (int, float)) and rate else NOTHING
    return Deed("noise", RANDOM) if draws(node) else NOTHING


def _norm(view: ModuleView, training: bool) -> Deed:
    if view.kind == "instancenorm":
        return Deed("norm", RUNNING if view.tracks and not training else "each sample's statistics")
    return Deed("norm", BATCH if training or view.statistics is None else RUNNING)


def _rate(p: float | None, active: bool) -> str:
    if p is None:
        return RANDOM if active else OFF
    return f"p={p:g}" if active or not p else OFF
