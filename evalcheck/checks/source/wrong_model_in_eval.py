"""One model is put in eval mode, and another one with other weights is evaluated."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import Use, facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each evaluation of a model in train mode beside which another one was put in eval mode."""
    for use in facts(file).others:
        assert use.other is not None
        switched = use.other[1]
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=(
                f"{_name(use.site.node, 'This model')} is evaluated here in train mode; eval() was called on "
                f"{_name(switched.node, 'another one')}, which is another model. "
                f"Call eval() on the model that is run."
            ),
            evidence=tuple(_quotes(use)),
        )


def _name(call: ast.AST, otherwise: str) -> str:
    """What the model of a call is called: ``ema`` of ``ema(x)`` and of ``ema.eval()``."""
    func = call.func if isinstance(call, ast.Call) else call
    if isinstance(func, ast.Attribute) and func.attr in ("eval", "train", "forward"):
        func = func.value
    return ast.unparse(func) if isinstance(func, (ast.Name, ast.Attribute)) else otherwise


def _quotes(use: Use) -> Iterator[Quote]:
    assert use.other is not None
    if use.place != use.site:
        yield Quote(use.site.file.place(use.site.node), "the model is run here")
    yield Quote(use.other[1].file.place(use.other[1].node), "eval() is called on this model")
    born = use.told or use.built
    if born is not None:
        yield Quote(born.file.place(born.node), "the model that is run got its train mode here")
