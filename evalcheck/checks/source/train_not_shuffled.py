"""A training loop that reads its samples in the same order in every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Fix, Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.loaders import Loader
from evalcheck.source.data.training_loaders import sequential_loaders
from evalcheck.source.edits import add_argument, replace
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.values import keyword


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each loader that training certainly reads in order."""
    for found in sequential_loaders(file):
        if is_unit_test(file):
            return
        why = (
            f"{found.dataset} lists its samples class by class, so batches hold one class each"
            if found.by_class
            else "the same samples share a batch each time, and what lies together in the data stays together"
        )
        yield Sighting(
            layer="source",
            place=file.place(found.loader.call),
            message=f"Training reads this loader in the same order in every epoch: {why}. Pass shuffle=True.",
            evidence=(Quote(found.file.place(found.loop.iter), "training reads it here"),),
            strength="usual" if found.by_class or found.loader.purpose == "train" else "slight",
            fix=_fix(file, found.loader),
        )


def _fix(file: SourceFile, loader: Loader) -> Fix | None:
    """Write shuffle=True; the order may be meant all the same."""
    given = keyword(loader.call, "shuffle")
    title = "shuffle the training data"
    if given is not None:
        return replace(file, given, "True", title, safe=False)
    if "shuffle" in loader.options:
        return None  # by position, or in a dict that others use too
    return add_argument(file, loader.call, "shuffle=True", title, safe=False)
