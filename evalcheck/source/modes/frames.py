"""What a run on paper carries along: the functions and loops it is in, and what it saw."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.state import Const, Mode, Obj, Site, State, Value


class GivenUp(Exception):
    """Too much to follow: nothing is said about this entry."""


@dataclass
class Frame:
    """A running function: its ways out, and the loops that it stands in."""

    file: SourceFile
    function: FunctionInfo | None = None
    calls: tuple[Site, ...] = ()
    functions: tuple[FunctionInfo, ...] = ()
    returned: State | None = None
    result: list[Value] = field(default_factory=list)
    given_out: list[Value] = field(default_factory=list)
    outer_names: set[str] = field(default_factory=set)
    breaks: list[list[State]] = field(default_factory=list)
    continues: list[list[State]] = field(default_factory=list)
    at_yield: Callable[[Value, State], None] | None = None

    def site(self, node: ast.AST) -> Site:
        return Site(self.file, node)


class Call(NamedTuple):
    """A call with its arguments, and where it stands."""

    node: ast.Call
    given: list[Value]
    named: dict[str, Value]
    state: State
    frame: Frame

    @property
    def values(self) -> tuple[Value, ...]:
        return (*self.given, *self.named.values())

    @property
    def key(self) -> tuple[ast.AST, tuple[ast.AST, ...]]:
        return self.node, tuple(site.node for site in self.frame.calls)


@dataclass(eq=False)
class Loop:
    """One run of a loop, from its start to its end, and what happened to models in it."""

    node: ast.AST
    file: SourceFile
    steps: list[Site] = field(default_factory=list)
    ran: dict[tuple[Obj, Site], Ran] = field(default_factory=dict)
    evals: dict[Obj, dict[Site, tuple[Site, ...]]] = field(default_factory=dict)
    restored: set[Obj] = field(default_factory=set)
    parameters: set[Obj] = field(default_factory=set)
    trained: set[Obj] = field(default_factory=set)


class Ran(NamedTuple):
    """A run that records gradients: its modes so far, the loop it stands in, the calls that led there."""

    modes: frozenset[Mode]
    inside: Loop
    calls: tuple[Site, ...]
    function: FunctionInfo | None


@dataclass(frozen=True)
class Seen:
    """One use of a model (run, export, fusion) on one way of callers, in one round of a loop over phases."""

    site: Site
    obj: Obj
    calls: tuple[Site, ...]
    functions: tuple[FunctionInfo, ...]
    use: str = "run"
    phase: tuple[str, ...] = ()


@dataclass
class Noted:
    """What is known of a use: the modes, whether gradients are off, names that hold text, other models."""

    modes: frozenset[Mode] = frozenset()
    quiet: bool = True
    loud: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    evaluated: tuple[tuple[Obj, Site], ...] = ()
    loops: tuple[Loop, ...] = ()


class Runner(Protocol):
    """What expressions need of the machine that runs statements."""

    file: SourceFile
    loops: list[Loop]
    quiet: int
    phase: tuple[str, ...]
    followed: set[SourceFile]
    seen: dict[Seen, Noted]

    def module(self, file: SourceFile) -> Obj: ...

    def assign(self, target: ast.expr, value: Value, state: State, frame: Frame) -> None: ...

    def call(
        self,
        function: FunctionInfo,
        names: dict[str, Value],
        state: State,
        frame: Frame,
        at_yield: Callable[[Value, State], None] | None = None,
    ) -> Value: ...

    def block(self, statements: Sequence[ast.stmt], state: State | None, frame: Frame) -> State | None: ...


def texts_of(names: dict[str, Value]) -> dict[str, str]:
    """What names hold, in words: literal text, or the name that a caller has for it."""
    found: dict[str, str] = {}
    for name, value in names.items():
        if isinstance(value, Const) and isinstance(value.value, str):
            found[name] = value.value
        elif isinstance(value, frozenset) and len(value) == 1 and (text := next(iter(value)).name):
            found[name] = text
    return found
