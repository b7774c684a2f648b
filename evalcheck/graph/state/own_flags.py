"""Flags of a user's own that stand in for ``self.training`` and that ``eval()`` does not switch."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.building import methods
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.recording.callers import located
from evalcheck.guard import untouched
from evalcheck.guard.modes import switch

_FLAG = re.compile(r"_?(is_?train(ing)?|in_training|training_?(mode|flag)?_?|train_?mode|_training)", re.I)
_SETTERS = frozenset(("__init__", "train", "eval"))


@dataclass(frozen=True, slots=True)
class OwnFlag:
    """A flag of a module that is still True after ``model.eval()``, and the line that reads it."""

    path: str
    name: str
    read: Span


def stuck(graph: ModelGraph) -> Iterator[OwnFlag]:
    """The flags that eval() leaves True, of modules whose methods read them."""
    named = [(path, flag) for path, view in graph.modules.items() for flag in _named(view.module)]
    if not named:
        return
    with untouched(graph.model):
        try:
            switch(graph.model, True)
            switch(graph.model, False)
        except Exception:
            return
        left = [(p, flag) for p, flag in named if vars(graph.modules[p].module).get(flag) is True]
    for path, flag in left:
        if (span := _read(type(graph.modules[path].module), flag)) is not None:
            yield OwnFlag(path, flag, span)


def _named(module: nn.Module) -> list[str]:
    return [
        n for n, v in vars(module).items() if v is True and n != "training" and _FLAG.fullmatch(n) is not None
    ]


def _reading(owner: type, flag: str) -> Span | None:
    """The first line outside the methods that set flags where ``self.<flag>`` decides something."""
    for method in methods.of(owner):
        if method.name in _SETTERS:
            continue
        for node in ast.walk(method.tree):
            test = node.test if isinstance(node, (ast.If, ast.IfExp)) else None
            test = node.value if isinstance(node, ast.keyword) and node.arg == "training" else test
            if test is not None and any(ast.unparse(n) == f"self.{flag}" for n in ast.walk(test)):
                return located(
                    method.filename,
                    test.lineno,
                    test.end_lineno or test.lineno,
                    test.col_offset,
                    test.end_col_offset or 0,
                )
    return None


_read: Callable[[type, str], Span | None] = lru_cache(1024)(_reading)
