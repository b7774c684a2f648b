"""A functional dropout that forward runs and that is not told the mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evalcheck.finding import Fix, Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.edits import add_argument, append
from evalcheck.source.forwards import run_by_forward
from evalcheck.source.noise.dropouts import Dropout, ungated_dropouts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each call of a functional dropout that evaluation runs too."""
    for dropout in ungated_dropouts(file):
        yield Sighting(
            "source",
            file.place(dropout.call),
            _message(dropout),
            evidence=_evidence(file, dropout),
            fix=_fix(file, dropout),
            strength="slight" if dropout.entry is None or dropout.doubtful else "usual",
        )


def _message(dropout: Dropout) -> str:
    name = dropout.name.rpartition(".")[2]
    if dropout.built is not None:
        reason = "so eval() never reaches it and it goes on dropping values at random"
        return f"This {name} is built anew in every call, {reason}: build it in __init__ and keep it."
    if dropout.entry is None:
        return (
            f"{name} is not told the mode, so {dropout.function.name} drops values at random wherever it is "
            f"called, in evaluation too: let the caller pass training=."
        )
    when = "it goes on dropping values at random when the model is in eval mode"
    return f"{name} is not told the mode, so {when}: pass training=self.training."


def _evidence(file: SourceFile, dropout: Dropout) -> tuple[Quote, ...]:
    owner = run_by_forward(file)[dropout.entry] if dropout.entry else None
    forward = owner.method_info("forward") if owner else None
    if owner is None or forward is None or forward.node is dropout.function.node:
        return ()
    return (Quote(forward.file.place(forward.node), f"the forward of {owner.name}, which runs this"),)


def _fix(file: SourceFile, dropout: Dropout) -> Fix | None:
    """Only a method of a module can be told by ``self.training``."""
    function = dropout.function
    if function.receiver is None or function.owner is None or not function.owner.is_module:
        return None
    if dropout.built is None:
        return add_argument(file, dropout.call, f"training={function.receiver}.training", "pass the mode on")
    mode = f".train({function.receiver}.training)"
    return replace(append(file, dropout.built, mode, "give the new layer the mode"), safe=False)
