"""What a run on paper carries along: the functions it is in, and what it saw."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Protocol

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.state import Mode, Obj, State, Value


class GivenUp(Exception):
    """Too much to follow: nothing is said about this entry."""


@dataclass
class Frame:
    """A running function: its ways out, and the loops that it stands in."""

    function: FunctionInfo | None
    calls: tuple[ast.Call, ...] = ()
    functions: tuple[FunctionInfo, ...] = ()
    returned: State | None = None
    result: list[Value] = field(default_factory=list)
    outer_names: set[str] = field(default_factory=set)
    breaks: list[list[State]] = field(default_factory=list)
    continues: list[list[State]] = field(default_factory=list)


@dataclass(frozen=True)
class Seen:
    """One model call on one way of callers, with the modes that the model may be in there."""

    call: ast.Call
    obj: Obj
    calls: tuple[ast.Call, ...]
    functions: tuple[FunctionInfo, ...]


class Runner(Protocol):
    """What expressions need of the machine that runs statements."""

    file: SourceFile
    module: Obj
    seen: dict[Seen, frozenset[Mode]]
    values: dict[Seen, dict[str, Value]]

    def assign(self, target: ast.expr, value: Value, state: State, frame: Frame) -> None: ...

    def call(self, function: FunctionInfo, names: dict[str, Value], state: State, frame: Frame) -> Value: ...
