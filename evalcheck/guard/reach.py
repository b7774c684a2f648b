"""What hangs on a model: its modules, and all that their attributes lead to. Nothing is changed."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from evalcheck.guard.kinds import Kind, kind, slots

# A tokenizer, a trainer or a logger may hang on a model: what lies further off is left alone.
MOST_OBJECTS = 10_000
LONGEST_READ = 10_000
# Most of what a module's attributes are: atoms, and the tables that torch keeps in each.
PLAIN = {bool, int, float, str, type(None)}
TABLES: dict[type, Kind] = {dict: Kind.MAPPING, OrderedDict: Kind.MAPPING, set: Kind.SET}
# Asking one of these for fields would make it an empty dictionary of them.
FIELDLESS = {dict, OrderedDict, defaultdict, Counter, list, deque, set, frozenset, tuple}


@dataclass
class Reach:
    """Everything found, each object once.

    ``places`` says where a tensor can be exchanged for another: a container and its key, by the
    tensor's id. ``fixed`` holds the ids of tensors that something unchangeable leads to; ``empty``
    the tables of torch's modules that hold nothing, a score in every module, such as hooks.
    """

    modules: list[nn.Module] = field(default_factory=list)
    tensors: list[Tensor] = field(default_factory=list)
    holders: list[tuple[Kind, Any]] = field(default_factory=list)
    empty: list[dict[Any, Any] | set[Any]] = field(default_factory=list)
    places: dict[int, list[tuple[Any, Any]]] = field(default_factory=dict)
    fixed: set[int] = field(default_factory=set)
    # Objects by id: what is kept here cannot be freed and its id given to another.
    met: dict[int, object] = field(default_factory=dict)
    near: deque[nn.Module] = field(default_factory=deque)
    far: deque[tuple[Kind, Any]] = field(default_factory=deque)

    def offer(self, value: object, place: tuple[Any, Any] | None = None) -> None:
        """Note a value that something leads to; it is looked into later."""
        found = kind(type(value))
        if found is Kind.ATOM:
            return
        if isinstance(value, Tensor):
            if place is None:
                self.fixed.add(id(value))
            else:
                self.places.setdefault(id(value), []).append(place)
        if id(value) in self.met:
            return
        self.met[id(value)] = value
        if isinstance(value, nn.Module):
            self.near.append(value)
        elif isinstance(value, Tensor):
            self.tensors.append(value)
        else:
            self.far.append((found, value))


def walk(model: nn.Module) -> Reach:
    """Modules first and all of them; of other objects the nearest."""
    reach = Reach()
    reach.offer(model)
    left = MOST_OBJECTS
    while reach.near or (reach.far and left):
        if reach.near:
            _module(reach, reach.near.popleft())
        else:
            left -= 1
            found, value = reach.far.popleft()
            _look(reach, found, value)
    return reach


def _module(reach: Reach, module: nn.Module) -> None:
    reach.modules.append(module)
    reach.holders.append((Kind.OBJECT, module))
    # A scripted module's children lie in a table of another kind.
    for child in module._modules.values():
        reach.offer(child)
    own, met = module.__dict__, reach.met
    for name, value in own.items():
        cls = type(value)
        if cls in PLAIN:
            continue
        if cls in TABLES and id(value) not in met:
            # These, torch's tables among them, do not count as objects.
            met[id(value)] = value
            if value:
                _look(reach, TABLES[cls], value)
            else:
                reach.empty.append(value)
        else:
            reach.offer(value, (own, name))


def _look(reach: Reach, found: Kind, value: Any) -> None:
    if found is Kind.METHOD:
        reach.offer(value.__self__)
        return
    if found is not Kind.FROZEN or own_fields(value):
        reach.holders.append((found, value))
    if found is Kind.MAPPING:
        if dict.__len__(value) <= LONGEST_READ:
            _keyed(reach, value, pairs(value))
    elif found is Kind.SEQUENCE:
        base: Any = list if isinstance(value, list) else deque
        if base.__len__(value) <= LONGEST_READ:
            _keyed(reach, value, enumerate(base.__iter__(value)))
    elif found is Kind.ARRAY and value.dtype.hasobject and value.size <= LONGEST_READ:
        for item in value.flat:
            reach.offer(item)
    elif found in (Kind.SET, Kind.FROZEN):
        base_of: Any = next(b for b in (set, frozenset, tuple) if isinstance(value, b))
        if base_of.__len__(value) <= LONGEST_READ:
            for item in base_of.__iter__(value):
                reach.offer(item)
    fields = own_fields(value)
    if fields:
        _keyed(reach, fields, fields.items())
    for slot in slots(type(value)):
        reach.offer(slot_value(slot, value))


def _keyed(reach: Reach, holder: Any, items: Iterable[tuple[Any, Any]]) -> None:
    for key, value in items:
        if type(key) not in (str, int):
            reach.offer(key)
        if type(value) not in PLAIN:
            reach.offer(value, (holder, key))


def pairs(mapping: dict[Any, Any]) -> list[tuple[Any, Any]]:
    """Keys and values in order, by dict's own methods: a subclass's may do anything."""
    if isinstance(mapping, OrderedDict):
        return [(key, dict.__getitem__(mapping, key)) for key in OrderedDict.__iter__(mapping)]
    return list(dict.items(mapping))


def own_fields(value: object) -> dict[str, Any] | None:
    """The object's ``__dict__`` where it has an ordinary one."""
    if type(value) in FIELDLESS or not type(value).__dictoffset__:
        return None
    try:
        fields = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return None
    return fields if type(fields) is dict else None


MISSING = object()


def slot_value(slot: Any, owner: object) -> object:
    """What the slot holds, ``MISSING`` where nothing."""
    try:
        return slot.__get__(owner)
    except AttributeError:
        return MISSING
