"""A functional batch norm that is told training=True whatever the mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Edit, Fix, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.normalisation.functional_norms import FunctionalNorm, always_training


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each call that normalises by the batch, and moves its statistics, in eval mode too."""
    if is_unit_test(file):
        return
    for norm in always_training(file):
        yield Sighting(
            layer="source",
            place=file.place(norm.call),
            message=(
                "batch_norm is told training=True, so in eval mode too it normalises by the batch at hand "
                "and moves the running statistics with evaluation data. Pass training=self.training."
            ),
            strength="usual" if norm.kept else "slight",
            fix=_fix(file, norm),
        )


def _fix(file: SourceFile, norm: FunctionalNorm) -> Fix | None:
    """Only a method of a module can be told by ``self.training``."""
    function = norm.function
    if function.receiver is None or function.owner is None or not function.owner.is_module:
        return None
    edit = Edit(file.span(norm.training), f"{function.receiver}.training")
    return Fix("pass the mode to the batch norm", (edit,), safe=True)
