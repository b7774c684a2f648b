"""Where the features of a three-dimensional value lie: (N, C, L) or (N, T, D), by who made and uses it."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    made_by = _along(node, modules, lambda n: next(iter(n.all_input_nodes), None))
    return made_by or _along(node, modules, lambda n: next(iter(n.users), None))


def _along(node: fx.Node, modules: Modules, follow: Callable[[fx.Node], fx.Node | None]) -> Layout | None:
    """The first layer on a way that tells, over operations that keep or swap the last two dimensions."""
    swapped = False
    for _ in range(_STEPS):
        following = follow(node)
        if following is None:
            return None
        node = following
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
