"""A functional dropout that forward runs and that is not told the mode."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.dropouts import Dropout, ungated_dropouts
from evalcheck.source.edits import add_argument
from evalcheck.source.forwards import run_by_forward
from evalcheck.source.functions import FunctionInfo


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each call of a functional dropout that evaluation runs too."""
    for dropout in ungated_dropouts(file):
        name = dropout.name.rpartition(".")[2]
        yield Sighting(
            layer="source",
            place=file.place(dropout.call),
            message=(
                f"{name} is not told the mode, so it goes on dropping values at random when the model "
                f"is in eval mode: pass training=self.training."
            ),
            evidence=_evidence(file, dropout),
            fix=_fix(file, dropout.call, dropout.function),
        )


def _evidence(file: SourceFile, dropout: Dropout) -> tuple[Quote, ...]:
    owner = run_by_forward(file)[dropout.entry]
    forward = owner.method("forward")
    if forward is None or forward is dropout.function.node:
        return ()
    return (Quote(file.place(forward), f"the forward of {owner.name}, which runs this in both modes"),)


def _fix(file: SourceFile, call: ast.Call, function: FunctionInfo) -> Any:
    """Only a method of a module can be told by ``self.training``."""
    if function.receiver is None or function.owner is None or not function.owner.is_module:
        return None
    return add_argument(file, call, f"training={function.receiver}.training", "pass the mode to the dropout")
