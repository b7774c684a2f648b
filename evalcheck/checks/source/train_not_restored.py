"""Training that goes on in eval mode after an evaluation in its loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import Lasting, facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each eval() in a loop of training behind which nothing calls train() again."""
    for last in facts(file).lasting:
        yield Sighting(
            layer="source",
            place=file.place(last.place.node),
            message=(
                f"{_what(last)} puts the model in eval mode inside of the training loop, and nothing in the "
                f"loop calls train() again: the rest of the training runs without dropout and with frozen "
                f"batch norm statistics. Call train() after the evaluation, or at the start of each round."
            ),
            evidence=tuple(_quotes(last)),
        )


def _what(last: Lasting) -> str:
    return "This" if last.place == last.switched else "This call"


def _quotes(last: Lasting) -> Iterator[Quote]:
    if last.place != last.switched:
        yield _quote(last.switched, "eval() is called here")
    for call in [c for c in last.calls if c != last.place][:1]:
        yield _quote(call, "reached from the loop here")
    yield _quote(last.run, "the next training step runs the model here, still in eval mode")


def _quote(site: Any, role: str) -> Quote:
    return Quote(site.file.place(site.node), role)
