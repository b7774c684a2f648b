"""A random number that a forward draws in evaluation too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.noise.randomness import Draw, ungated_draws


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each draw of which the purpose can be told, where nothing asks for the mode."""
    for draw in ungated_draws(file):
        yield Sighting(
            layer="source",
            place=file.place(draw.call),
            message=_message(draw),
            strength="usual" if draw.sure else "slight",
        )


def _message(draw: Draw) -> str:
    rate = f"self.{draw.rate}" if draw.rate else "a fixed number"
    if draw.purpose == "mask":
        return (
            f"This forward drops values at random by {rate} and nothing asks for the mode, so it "
            f"goes on when the model is in eval mode: return the input unless self.training."
        )
    if draw.purpose == "gumbel":
        return (
            "gumbel_softmax draws noise in eval mode too, so outputs for one input differ: use it if "
            "self.training, and a plain softmax (or the largest value) otherwise."
        )
    if draw.purpose == "branch":
        return (
            f"A random number and {rate} decide here which way to go, in eval mode too, so outputs "
            f"for one input differ: ask for self.training first."
        )
    size = f" of size {rate}" if draw.rate else ""
    return f"Noise{size} is added in eval mode too: add it if self.training, or declare it."
