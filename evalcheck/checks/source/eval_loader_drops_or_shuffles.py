"""A loader for evaluation that leaves samples out or reads them in a random order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Fix, Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.loaders import Loader
from evalcheck.source.data.orders import Disorder, disorder, evaluation_loaders
from evalcheck.source.edits import replace
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.values import literal


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each option by which an evaluation loader drops, repeats or shuffles samples."""
    for loader, reason in evaluation_loaders(file):
        found = disorder(loader)
        if not found or is_unit_test(file):
            continue
        for fault in found:
            own = fault.node.lineno in range(loader.call.lineno, (loader.call.end_lineno or 0) + 1)
            quote = Quote(file.place(loader.call), f"the loader that is for evaluation: {reason}")
            yield Sighting(
                layer="source",
                place=file.place(loader.call if own else fault.node),
                message=fault.message,
                evidence=() if own else (quote,),
                strength="slight" if fault.harmless else "usual",
                fix=_fix(file, loader, fault) if own else None,
            )


def _fix(file: SourceFile, loader: Loader, fault: Disorder) -> Fix | None:
    """Only for a loader of its own: one that is built for all splits may drop and shuffle for training."""
    if loader.purpose != "evaluation" or literal(fault.node) is not True:
        return None
    return replace(file, fault.node, "False", "read the evaluation data completely and in order", safe=False)
