"""A model that is evaluated in train mode."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.modes import Run, runs_in_train_mode

EVALUATES = re.compile(r"eval|val|test|predict|infer|holdout|held_?out|dev_", re.I)


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each evaluation run of a model that is in train mode on every way that leads there."""
    if not file.mentions(".train(", "nn.", "models.") or not EVALUATES.search(file.text):
        return
    if is_unit_test(file):
        return
    for run in runs_in_train_mode(file):
        yield Sighting(
            layer="source",
            place=file.place(run.call),
            message=_message(run),
            evidence=tuple(_quotes(file, run)),
        )


def _message(run: Run) -> str:
    how = "is still in train mode" if run.told else "is in train mode, as it was built"
    return (
        f"This is evaluation ({run.reason}), but the model {how}: dropout stays on and batch norm uses and "
        f"moves its statistics with the evaluation data. Call eval() before, and train() after."
    )


def _quotes(file: SourceFile, run: Run) -> Iterator[Quote]:
    if run.told is not None:
        yield Quote(file.place(run.told), "the model was last put in train mode here")
    elif run.built is not None:
        yield Quote(file.place(run.built), "the model is built here, and eval() is not called after that")
    for call in run.calls[-1:]:
        yield Quote(file.place(call), "called from here in that mode")
