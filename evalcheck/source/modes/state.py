"""What is known at one point of a run: which object a name holds, and which modes it may be in."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.layers import class_depends_on_mode

# train() was called; eval() was called; built here and never told; from_pretrained, which calls eval();
# unpickled whole, in the mode that it was saved in; as the caller left it; anything may have happened.
Kind = Literal["train", "eval", "built", "loaded", "pickled", "left", "unknown"]


class Site(NamedTuple):
    """A node and the file that it stands in."""

    file: SourceFile
    node: ast.AST


class Obj:
    """An object of the user's program, as far as the text tells it from others.

    ``parent`` is the object that it was first seen as an attribute of, ``copied`` the one that it is a
    copy of. What opens other files, the class and what it depends on, is worked out when it is asked for.
    """

    __slots__ = ("_ask_kind", "_ask_mode", "_kind", "_mode", "built", "copied", "name", "parent")

    def __init__(
        self,
        kind: ClassInfo | None = None,
        parent: Obj | None = None,
        *,
        name: str = "",
        built: Site | None = None,
        copied: Obj | None = None,
        ask_kind: Callable[[], ClassInfo | None] | None = None,
        ask_mode: Callable[[], bool | None] | None = None,
    ) -> None:
        self.parent, self.name, self.built, self.copied = parent, name, built, copied
        self._kind, self._ask_kind, self._ask_mode = kind, ask_kind, ask_mode
        self._mode: tuple[bool | None, ...] = ()

    @property
    def kind(self) -> ClassInfo | None:
        """Its class in the project."""
        if self._ask_kind is not None:
            ask, self._ask_kind = self._ask_kind, None
            self._kind = ask()
        return self._kind

    @property
    def told_kind(self) -> ClassInfo | None:
        """Its class, if no other file needs to be opened for that."""
        return self._kind

    @property
    def is_model(self) -> bool:
        """Whether it was built by what is known to give a module; another file may be opened for that."""
        if self.built is None:
            return False
        return self.kind.may_be_module if self.kind is not None else self._ask_mode is not None

    def holds(self, inner: Obj) -> None:
        """Somebody unknown made this of another object; if that does not depend on the mode, nor does it."""
        if self is not inner and self._ask_mode is None and self._kind is None and self.built is None:
            self._ask_mode = lambda: False if inner.by_mode is False else None

    @property
    def by_mode(self) -> bool | None:
        """Whether it behaves otherwise in eval mode: yes, no, or None where that is not known."""
        if not self._mode:
            if self._ask_mode is not None:
                found = self._ask_mode()
            elif self.copied is not None:
                found = self.copied.by_mode
            else:
                found = class_depends_on_mode(self.kind) if self.kind else None
            self._mode = (found,)
        return self._mode[0]


@dataclass(frozen=True, slots=True)
class Const:
    """A literal."""

    value: object


@dataclass(frozen=True, slots=True)
class Items:
    """A tuple or list whose items are known."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A dictionary with literal keys."""

    items: tuple[tuple[object, Value], ...]


@dataclass(frozen=True, slots=True)
class Each:
    """Any number of items, of which one is like the other."""

    item: Value


@dataclass(frozen=True, slots=True)
class Part:
    """Something that belongs to objects: a submodule, a parameter, an iterator over them."""

    of: frozenset[Obj]


@dataclass(frozen=True, slots=True)
class Was:
    """``model.training``, kept as a flag: the modes that the object was in."""

    obj: Obj
    modes: frozenset[Mode]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Func:
    """A function or method, with the object that it is bound to and the names that it sees."""

    info: FunctionInfo
    bound: Value = None
    names: dict[str, Value] = field(default_factory=dict, compare=False)
    bare: bool = False  # its decorators are done with


@dataclass(frozen=True, slots=True)
class Anonymous:
    """A lambda."""

    node: ast.Lambda
    names: dict[str, Value] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Manager:
    """A call of a generator function that is a context manager."""

    func: Func
    names: dict[str, Value] = field(compare=False)


# One of some objects, a literal, a collection, a flag, code, or nothing known.
Value = frozenset[Obj] | Const | Items | Table | Each | Part | Was | Func | Anonymous | Manager | None
Mode = tuple[Kind, Site | None]
UNKNOWN: frozenset[Mode] = frozenset({("unknown", None)})
LEFT: frozenset[Mode] = frozenset({("left", None)})


@dataclass(slots=True)
class State:
    """Names of the running function, attributes of objects, and modes."""

    names: dict[str, Value] = field(default_factory=dict)
    attributes: dict[tuple[Obj, str], Value] = field(default_factory=dict)
    modes: dict[Obj, frozenset[Mode]] = field(default_factory=dict)

    def copy(self) -> State:
        return State(dict(self.names), dict(self.attributes), dict(self.modes))

    def take(self, other: State) -> None:
        """Become another state."""
        self.names, self.attributes, self.modes = other.names, other.attributes, other.modes

    def mode(self, obj: Obj) -> frozenset[Mode]:
        """The modes that an object may be in; what nobody here touched is as the caller left it."""
        one: Obj | None = obj
        while one is not None:
            if one in self.modes:
                found = self.modes[one]
                module = one.told_kind is not None and one.told_kind.is_module
                return found if one is obj or module else found if found == UNKNOWN else LEFT
            one = one.parent
        return LEFT

    def settled(self, before: State) -> bool:
        """Whether another round of a loop would find nothing new: what was there before is as it was."""
        if any(self.names.get(name) != value for name, value in before.names.items()):
            return False
        if any(self.attributes.get(key) != value for key, value in before.attributes.items()):
            return False
        for obj, modes in self.modes.items():
            earlier = before.modes.get(obj)
            if earlier != modes and (
                earlier is not None or any(kind in ("train", "eval") for kind, _ in modes)
            ):
                return False
        return True


def join(one: State | None, two: State | None) -> State | None:
    """What is known where two ways meet. A way that was left (None) adds nothing."""
    if one is None or two is None:
        return (one or two).copy() if one or two else None  # type: ignore[union-attr]
    met = one.copy()
    for mine, theirs in ((met.names, two.names), (met.attributes, two.attributes)):
        if mine != theirs:  # most ways change one of the three or none
            _join_values(mine, theirs)  # type: ignore[arg-type]
    if one.modes == two.modes:
        return met
    for obj, there in two.modes.items():
        here = one.modes.get(obj)
        if here is not there and here != there:
            met.modes[obj] = _absent(obj, one, here) | there
    for obj, here in one.modes.items():
        if obj not in two.modes:
            met.modes[obj] = here | _absent(obj, two, None)
    return met


def _join_values(mine: dict[object, Value], theirs: dict[object, Value]) -> None:
    """Most values are the very same ones on both ways."""
    for key, value in theirs.items():
        own = mine.get(key, mine)
        if own is mine:
            mine[key] = value
        elif own is not value:
            mine[key] = meet(own, value)  # type: ignore[arg-type]


def _absent(obj: Obj, state: State, modes: frozenset[Mode] | None) -> frozenset[Mode]:
    if modes is not None:
        return modes
    return frozenset() if obj.built else state.mode(obj)


def meet(one: Value, two: Value) -> Value:
    """A value that may be either of two."""
    if one == two:
        return one
    if isinstance(one, frozenset) and isinstance(two, frozenset):
        return one | two
    if isinstance(one, Items) and isinstance(two, Items) and len(one.items) == len(two.items):
        return Items(tuple(meet(a, b) for a, b in zip(one.items, two.items, strict=True)))
    if isinstance(one, Part | frozenset) and isinstance(two, Part | frozenset):
        return Part(objects(one) | objects(two))
    if isinstance(one, Items | Each) and isinstance(two, Items | Each):
        return Each(meet(element(one), element(two)))
    if two == Const(None) and isinstance(one, frozenset):
        return one
    return two if one == Const(None) and isinstance(two, frozenset) else None


def objects(value: Value) -> frozenset[Obj]:
    """The objects that a value is, or that it belongs to, or that it holds."""
    if isinstance(value, frozenset):
        return value
    if isinstance(value, Part):
        return value.of
    if isinstance(value, Each):
        return objects(value.item)
    if isinstance(value, Func):
        return objects(value.bound)
    inner = value.items if isinstance(value, Items) else ()
    if isinstance(value, Table):
        inner = tuple(item for _, item in value.items)
    return frozenset(obj for item in inner for obj in objects(item))


def element(value: Value) -> Value:
    """What any item of a collection is."""
    if isinstance(value, Each):
        return value.item
    if not isinstance(value, Items):
        return None
    found = value.items[0] if value.items else None
    for item in value.items[1:]:
        found = meet(found, item)
    return found
