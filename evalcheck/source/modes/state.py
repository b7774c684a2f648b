"""What is known at one point of a run: which object a name holds, and which modes it may be in."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import Literal

from evalcheck.source.classes import ClassInfo

# train() was called; eval() was called; built here and never told; anything may have happened.
Kind = Literal["train", "eval", "built", "unknown"]


@dataclass(frozen=True, eq=False, slots=True)
class Obj:
    """An object of the user's program, as far as the text tells it from others.

    ``parent`` is the object that it was first seen as an attribute of. ``by_mode`` is whether it
    behaves otherwise in eval mode: yes, no, or None where its class is not known.
    """

    kind: ClassInfo | None = None
    parent: Obj | None = None
    by_mode: bool | None = None
    built: ast.AST | None = None


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: object


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple or list whose items are known."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Something that belongs to objects: a submodule, a parameter, an iterator over them."""

    of: frozenset[Obj]


# One of some objects, a literal, a tuple, a part, or nothing known.
Value = frozenset[Obj] | Const | Items | Part | None
Mode = tuple[Kind, ast.AST | None]
UNKNOWN: frozenset[Mode] = frozenset({("unknown", None)})


@dataclass(slots=True)
class State:
    """Names of the running function, attributes of objects, and modes."""

    names: dict[str, Value] = field(default_factory=dict)
    attributes: dict[tuple[Obj, str], Value] = field(default_factory=dict)
    modes: dict[Obj, frozenset[Mode]] = field(default_factory=dict)

    def copy(self) -> State:
        return State(dict(self.names), dict(self.attributes), dict(self.modes))

    def mode(self, obj: Obj) -> frozenset[Mode]:
        """The modes that an object may be in; an object that nobody built here may be in any."""
        return self.modes.get(obj, UNKNOWN)

    def same(self, other: State) -> bool:
        return self.modes == other.modes and self.names == other.names and self.attributes == other.attributes


def join(one: State | None, two: State | None) -> State | None:
    """What is known where two ways meet. A way that was left (None) adds nothing."""
    if one is None or two is None:
        return (one or two).copy() if one or two else None  # type: ignore[union-attr]
    met = one.copy()
    for name, value in two.names.items():
        met.names[name] = meet(met.names[name], value) if name in met.names else value
    for key, value in two.attributes.items():
        met.attributes[key] = meet(met.attributes[key], value) if key in met.attributes else value
    for obj in {*one.modes, *two.modes}:
        absent = frozenset[Mode]() if obj.built else UNKNOWN
        met.modes[obj] = one.modes.get(obj, absent) | two.modes.get(obj, absent)
    return met


def meet(one: Value, two: Value) -> Value:
    """A value that may be either of two."""
    if one == two:
        return one
    if isinstance(one, frozenset) and isinstance(two, frozenset):
        return one | two
    if isinstance(one, Items) and isinstance(two, Items) and len(one.items) == len(two.items):
        return Items(tuple(meet(a, b) for a, b in zip(one.items, two.items, strict=True)))
    return None
