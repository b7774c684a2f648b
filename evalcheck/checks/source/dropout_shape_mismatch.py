"""A channel-wise dropout behind a layer whose output has no such channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.noise.dropout_shapes import Misfit, misfits

_FED = {
    "linear": "the output of a linear layer, with its features last",
    "sequence": "a sequence of vectors, (N, T, features)",
    "flat": "a flattened input, (N, features)",
    "1d": "the output of a 1d layer, (N, C, L)",
    "2d": "the output of a 2d layer, (N, C, H, W)",
    "3d": "the output of a 3d layer, (N, C, D, H, W)",
}


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each one that the source shows."""
    for found in misfits(file):
        yield Sighting(
            layer="source",
            place=file.place(found.place),
            message=f"Dropout{found.dimensions}d gets {_FED[found.fed]}: {_effect(found)}",
            strength="slight" if found.harmless else "usual",
        )


def _effect(found: Misfit) -> str:
    if found.fed == "sequence":
        return "it drops whole positions, not features. Use Dropout, or move the features to second place."
    if found.dimensions == 1 and found.fed in ("2d", "3d"):
        return f"torch refuses it. Use Dropout{found.fed}."
    if found.fed in ("1d", "2d"):
        return f"it drops whole samples. Use Dropout{found.fed}."
    if found.harmless:
        return "it drops single values of vectors, and whole positions of a sequence. Use Dropout."
    return "it drops whole samples or positions, not features. Use Dropout."
