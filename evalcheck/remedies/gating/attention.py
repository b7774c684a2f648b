"""Fused and functional attention, with a dropout rate of zero."""

from __future__ import annotations

from typing import Any

from evalcheck.remedies.gating.arguments import Args, Kwargs, given, replaced

FUSED, WHOLE = "scaled_dot_product_attention", "multi_head_attention_forward"
NAMES = frozenset((FUSED, WHOLE))
# Where the parameters stand: dropout_p of the first; dropout_p and training of the second.
FUSED_RATE, WHOLE_RATE, WHOLE_MODE = 4, 10, 13


def gated(func: Any, name: str, args: Args, kwargs: Kwargs) -> tuple[Args, Kwargs] | None:
    """The arguments that eval mode would give; None where nothing would be dropped anyway."""
    if name == FUSED:
        rate = given(args, kwargs, FUSED_RATE, "dropout_p", 0.0)
        return replaced(args, kwargs, FUSED_RATE, "dropout_p", 0.0) if rate else None
    training = given(args, kwargs, WHOLE_MODE, "training", True)
    if not training or not given(args, kwargs, WHOLE_RATE, "dropout_p", 0.0):
        return None
    return replaced(args, kwargs, WHOLE_MODE, "training", False)
