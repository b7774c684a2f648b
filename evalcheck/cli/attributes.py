"""Finds an attribute of the user's module, and calls it if it is a factory."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from evalcheck.cli import imports
from evalcheck.cli.names import some
from evalcheck.complaint import Complaint, nearest

SHOWN = 12
MISSING = object()


@dataclass(frozen=True, slots=True)
class Named:
    """A value of the user's, where it was found, and what it is called in messages."""

    name: str
    source: str
    module: ModuleType
    value: Any


def split(target: str) -> tuple[str, str]:
    """``FILE.py:ATTR`` at its last colon. The colon of a Windows drive is none: no name follows it."""
    source, colon, attribute = target.rpartition(":")
    if not colon or not source or not all(part.isidentifier() for part in attribute.split(".")):
        raise Complaint(f"{target!r} is not a target: it must be FILE.py:ATTR or package.module:ATTR")
    return source, attribute


def find(target: str, home: Named | None = None) -> Named:
    """What a target names; a plain ATTR is looked for in the module of ``home``."""
    if home is not None and ":" not in target:
        return Named(
            f"{home.source}:{target}", home.source, home.module, _dotted(home.module, home.source, target)
        )
    source, attribute = split(target)
    # A file is known by its name; a dotted name may be a module, unless such a file is there.
    is_file = source.endswith(".py") or "/" in source or "\\" in source or Path(source).exists()
    module = imports.of_file(Path(source)) if is_file else imports.of_name(source)
    return Named(target, source, module, _dotted(module, source, attribute))


def _dotted(module: ModuleType, source: str, attribute: str) -> Any:
    value: Any = module
    where = source
    for name in attribute.split("."):
        holder = value
        with imports.users_code(f"{name} of {where} cannot be read", source):
            value = getattr(holder, name, MISSING)
        if value is MISSING:
            known = public(holder)
            has = f"; it has {some(known, SHOWN)}" if known else ""
            raise Complaint(f"{where} has no attribute {name!r}{nearest(name, known)}{has}")
        where = f"{source}:{name}" if holder is module else f"{where}.{name}"
    return value


def public(holder: Any) -> list[str]:
    """The public attributes that could be meant: of a module, those that it defines itself."""
    own = getattr(holder, "__dict__", {})
    # A network's children stand in a table of their own.
    children = own.get("_modules")
    names = [name for name in (children if isinstance(children, dict) else own) if not name.startswith("_")]
    if not isinstance(holder, ModuleType):
        return names
    usable = [name for name in names if _could_be_meant(own[name], holder)]
    return usable or [name for name in names if not isinstance(own[name], ModuleType)]


def _could_be_meant(value: Any, holder: ModuleType) -> bool:
    """A class or function that stands in the module itself, or an object made by one."""
    if isinstance(value, type) or inspect.isroutine(value):
        return value.__module__ == holder.__name__
    return not isinstance(value, (ModuleType, str, bytes, int, float, dict, type(None)))


def required(factory: Any) -> list[str]:
    """The arguments that a factory cannot be called without."""
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        # Written in C: calling it will tell.
        return []
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [p.name for p in parameters if p.default is p.empty and p.kind not in variable]


def call(named: Named, example: str) -> Any:
    """What the factory makes. ``example`` shows a factory that needs nothing, for the complaint."""
    if needed := required(named.value):
        plural = "s" if len(needed) > 1 else ""
        raise Complaint(
            f"{named.name} needs the argument{plural} {', '.join(needed)}; "
            f"name something that needs none, such as `{example}`"
        )
    with imports.users_code(f"{named.name}() failed", named.source):
        return named.value()


def kind(value: Any) -> str:
    """What a value is, for people: ``a tuple``, ``an int``, ``None``."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, ModuleType):
        return f"the module {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
