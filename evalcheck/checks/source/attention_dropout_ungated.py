"""Fused attention that drops weights in evaluation too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Fix, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.edits import append
from evalcheck.source.noise.attention import AttentionDropout, ungated_attention


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each call of attention whose dropout rate is the same in both modes."""
    for found in ungated_attention(file):
        yield Sighting(
            layer="source",
            place=file.place(found.rate),
            message=_message(found),
            fix=_fix(file, found),
            strength="usual" if found.known and not found.doubtful else "slight",
        )


def _message(found: AttentionDropout) -> str:
    receiver = found.function.receiver or "self"
    cure = f"pass the rate only `if {receiver}.training else 0.0`."
    if not found.known:
        return (
            f"{found.name} gets a dropout rate that is the same in both modes. If it is a fused attention, "
            f"it goes on dropping weights when the model is in eval mode: {cure}"
        )
    return (
        f"{found.name} gets a dropout rate that is the same in both modes, and does not know the mode "
        f"itself, so attention weights are dropped at random in eval mode too: {cure}"
    )


def _fix(file: SourceFile, found: AttentionDropout) -> Fix | None:
    receiver, owner = found.function.receiver, found.function.owner
    if receiver is None or owner is None or not owner.is_module or not found.known:
        return None
    return append(
        file, found.rate, f" if {receiver}.training else 0.0", "drop attention weights in training only"
    )
