"""A model that is evaluated in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import Use, facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each evaluation run of a model that is in train mode on every way that leads there."""
    for use in facts(file).runs:
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=_message(use),
            evidence=tuple(_quotes(use)),
        )


def _message(use: Use) -> str:
    what = "This is evaluation" if use.place == use.site else "This call leads to evaluation"
    how = "is still in train mode" if use.told else "is in train mode, as it was built"
    return (
        f"{what} ({use.reason}), but the model {how}: dropout stays on and batch norm uses and "
        f"moves its statistics with the evaluation data. Call eval() before, and train() after."
    )


def _quotes(use: Use) -> Iterator[Quote]:
    if use.place != use.site:
        yield Quote(use.site.file.place(use.site.node), "the model is run here")
    if use.told is not None:
        yield Quote(use.told.file.place(use.told.node), "the model was last put in train mode here")
    elif use.built is not None:
        place = use.built.file.place(use.built.node)
        yield Quote(place, "the model is built here, and eval() is not called after that")
    for call in [c for c in use.calls if c != use.place][-1:]:
        yield Quote(call.file.place(call.node), "called from here in that mode")
