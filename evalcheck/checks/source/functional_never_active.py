"""A function that is off unless it is told that the model trains, and is not told."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from evalcheck.finding import Fix, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.edits import add_argument
from evalcheck.source.noise.idle_functions import idle_calls

_EFFECTS = {
    "batch_norm": "it always uses the running statistics and never moves them",
    "rrelu": "it is a leaky ReLU with a fixed slope in training too",
}


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each such call that a forward runs in train mode too."""
    for call, name in idle_calls(file):
        effect = _EFFECTS.get(name, "it drops nothing, in training either")
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=f"{name} is off by default and not told the mode: {effect}. Pass training=self.training.",
            fix=_fix(file, call),
        )


def _fix(file: SourceFile, call: ast.Call) -> Fix | None:
    """It changes what is trained, so people decide."""
    method = file.functions.method_around(call)
    if method is None or method.receiver is None or method.owner is None or not method.owner.is_module:
        return None
    fix = add_argument(file, call, f"training={method.receiver}.training", "pass the mode to the function")
    return replace(fix, safe=False) if fix else None
