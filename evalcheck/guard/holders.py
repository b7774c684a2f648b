"""Containers and objects, one level each: what they held is put back into the same ones."""

from __future__ import annotations

import sys
from collections import OrderedDict, deque
from collections.abc import Iterable
from functools import partial
from operator import is_
from typing import Any

from evalcheck.guard.kinds import Kind, slots
from evalcheck.guard.reach import MISSING, own_fields, pairs, slot_value
from evalcheck.guard.undo import Undo


def note(kind: Kind, holder: Any) -> list[Undo]:
    """Steps that put back what ``holder`` holds now, its own fields included."""
    undo: list[Undo] = []
    if kind is Kind.MAPPING:
        undo.append(partial(_mapping, holder, dict(pairs(holder))))
    elif kind is Kind.SEQUENCE:
        base = list if isinstance(holder, list) else deque
        undo.append(partial(_sequence, holder, list(base.__iter__(holder))))
    elif kind is Kind.SET:
        undo.append(partial(_set, holder, set(set.__iter__(holder))))
    elif kind is Kind.BYTES:
        undo.append(partial(_bytes, holder, holder[:]))
    elif kind is Kind.ARRAY:
        undo += _array(holder)
    fields = own_fields(holder)
    if fields is not None:
        undo.append(partial(_fields, holder, type(holder), fields, dict(fields)))
    undo += [partial(_slot, slot, holder, slot_value(slot, holder)) for slot in slots(type(holder))]
    return undo


def empty(tables: Iterable[dict[Any, Any] | set[Any]]) -> None:
    """Empty them again: one step for all, since there are thousands and none of them can fail."""
    for table in tables:
        if table:
            table.clear()


def _mapping(mapping: dict[Any, Any], content: dict[Any, Any]) -> None:
    if _is_as_it_was(mapping, content):
        return
    base = OrderedDict if isinstance(mapping, OrderedDict) else dict
    base.clear(mapping)
    for key, value in content.items():
        base.__setitem__(mapping, key, value)


def _is_as_it_was(mapping: dict[Any, Any], content: dict[Any, Any]) -> bool:
    """The same keys and values in the same order, by identity: compared in C, since there are thousands."""
    if dict.__len__(mapping) != len(content):
        return False
    if type(mapping) is dict:
        return all(map(is_, mapping, content)) and all(map(is_, mapping.values(), content.values()))
    now = pairs(mapping) if isinstance(mapping, OrderedDict) else dict.items(mapping)
    pairwise = zip(now, content.items(), strict=True)
    return all(key is old_key and value is old for (key, value), (old_key, old) in pairwise)


def _sequence(sequence: Any, content: list[Any]) -> None:
    base: Any = list if isinstance(sequence, list) else deque
    if base.__len__(sequence) == len(content) and all(map(is_, base.__iter__(sequence), content)):
        return
    base.clear(sequence)
    base.extend(sequence, content)


def _set(held: set[Any], content: set[Any]) -> None:
    # A set that is written anew may come in another order.
    if {*map(id, set.__iter__(held))} != {*map(id, content)}:
        set.clear(held)
        set.update(held, content)


def _bytes(buffer: Any, content: Any) -> None:
    if bytes(buffer) != bytes(content):
        buffer[:] = content


def _array(array: Any) -> list[Undo]:
    numpy = sys.modules["numpy"]
    plain = numpy.ndarray.view(array, numpy.ndarray)
    # What cannot be written needs no copy.
    return [partial(_array_back, array, plain, plain.copy(order="K"))] if plain.flags.writeable else []


def _array_back(array: Any, plain: Any, copy: Any) -> None:
    # The view keeps the first memory and shape, whatever was set on the array itself.
    if plain.dtype.hasobject or plain.tobytes() != copy.tobytes():
        plain[...] = copy
    if array.shape != copy.shape:
        sys.modules["numpy"].ndarray.shape.__set__(array, copy.shape)
    if not array.flags.writeable:
        array.flags.writeable = True


def _fields(owner: Any, cls: type, fields: dict[str, Any], content: dict[str, Any]) -> None:
    if type(owner) is not cls:
        object.__setattr__(owner, "__class__", cls)
    _mapping(fields, content)
    if own_fields(owner) is not fields:
        object.__setattr__(owner, "__dict__", fields)


def _slot(slot: Any, owner: Any, value: object) -> None:
    now = slot_value(slot, owner)
    if now is value:
        return
    if value is MISSING:
        slot.__delete__(owner)
    else:
        slot.__set__(owner, value)
