"""Where the features of a three-dimensional value lie: (N, C, L) or (N, T, D), by who made and uses it."""

from __future__ import annotations

import re
from typing import Literal

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.operations import Modules

Layout = Literal["channels first", "features last"]

_FIRST = re.compile(
    r"(lazy)?(conv(transpose)?1d|batchnorm\w*|instancenorm\w*|groupnorm|(adaptive)?(max|avg|lp)pool1d)"
)
_LAST = re.compile(
    r"(lazy)?(linear|embedding|layernorm|rmsnorm|lstm|gru|rnn\w*|multiheadattention\w*|scaleddotproductattention)"
)
_SWAPPING = re.compile(r"(transpose|permute|swapaxes|swapdims|t|mt|movedim|moveaxis)")
_KEEPING = re.compile(
    r"(relu\d?|gelu|silu|elu|selu|leakyrelu|tanh|sigmoid|dropout\w*|[ir]?(add|sub|mul)|(true)?div|getitem|"
    r"contiguous|to|float|clone|detach|cat|identity|softplus|hardswish|mish)"
)
_STEPS = 12


def of(node: fx.Node, modules: Modules) -> Layout | None:
    """The layout of a node's first input; None where neither its maker nor its users tell."""
    return _upstream(node, modules) or _downstream(node, modules)


def _upstream(node: fx.Node, modules: Modules) -> Layout | None:
    swapped = False
    for _ in range(_STEPS):
        inputs = node.all_input_nodes
        if not inputs:
            return None
        node = inputs[0]
        operation = operations.name(node, modules)
        if (layout := _told(operation, swapped)) is not None:
            return layout
        if _SWAPPING.fullmatch(operation):
            swapped = not swapped
        elif not _KEEPING.fullmatch(operation):
            return None
    return None


def _downstream(node: fx.Node, modules: Modules) -> Layout | None:
    swapped = False
    for _ in range(_STEPS):
        user = next(iter(node.users), None)
        if user is None:
            return None
        node = user
        operation = operations.name(node, modules)
        if (layout := _told(operation, swapped)) is not None:
            return layout
        if _SWAPPING.fullmatch(operation):
            swapped = not swapped
        elif not _KEEPING.fullmatch(operation):
            return None
    return None


def _told(operation: str, swapped: bool) -> Layout | None:
    if _FIRST.fullmatch(operation):
        return "features last" if swapped else "channels first"
    if _LAST.fullmatch(operation):
        return "channels first" if swapped else "features last"
    return None
