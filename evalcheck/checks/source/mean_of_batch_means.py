"""An evaluation that averages the means of its batches, as if all batches had one size."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.batch_averages import averages
from evalcheck.source.data.batch_values import UNDIVIDED, evenly_read
from evalcheck.source.data.meters import unweighted_updates
from evalcheck.source.data.metric_logs import metric_logs
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each average over batches that gives a smaller last batch the weight of a full one."""
    seen: set[ast.AST] = set()
    for average in averages(file):
        if average.place in seen or evenly_read(average.loader) or is_unit_test(file):
            continue
        seen.add(average.place)
        message = (
            f"{average.what} is averaged over the batches of {average.over}, so a smaller last batch counts "
            f"as much as a full one and the result depends on the batch size: {_cure(average.what)}."
        )
        yield _sighting(file, average.place, message, average.added, certain=average.loader is not None)
    for place, added in metric_logs(file):
        message = (
            "Metrics of single batches are averaged here: AUC, F1 and their like on a few samples say little "
            "about all of them, and depend on the batch size. Compute them once on all predictions."
        )
        yield _sighting(file, place, message, added, certain=False)
    for update in unweighted_updates(file):
        message = (
            f"{update.meter} is not told how many samples this value stands for, so in evaluation a smaller "
            f"last batch counts as much as a full one: pass the size of the batch as n."
        )
        if not is_unit_test(file):
            yield _sighting(file, update.call, message, None, certain=False)


def _sighting(
    file: SourceFile, place: ast.AST, message: str, added: ast.AST | None, certain: bool
) -> Sighting:
    quotes = (Quote(file.place(added), "each batch adds one value here"),) if added else ()
    return Sighting("source", file.place(place), message, quotes, strength="usual" if certain else "slight")


def _cure(what: str) -> str:
    if UNDIVIDED.search(what):
        return "collect predictions and targets, and compute it once over all of them"
    return "weight each value by the size of its batch, and divide by the number of samples"
