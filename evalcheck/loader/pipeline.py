"""What stands behind a loader: the chain of its datasets, and the transforms that they hold."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from evalcheck import transforms as table
from evalcheck.loader import plan
from evalcheck.loader.generators import names_in

WORDS = ("transform", "augment", "preprocess", "pipeline", "tfm", "_format_kwargs")
# Where wrappers keep the dataset that they read, besides ``dataset`` and ``datasets``.
INNER = (
    "data", "ds", "base", "base_dataset", "inner", "source", "subset", "wrapped", "_dataset", "_data", "_ds",
)  # fmt: skip
DEPTH = 8
MEMBERS = 100


@dataclass(frozen=True, slots=True)
class Transform:
    """One callable of the pipeline: where it is held, its dotted class name, and itself."""

    path: str
    name: str
    subject: Any = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name without its modules, as the user wrote it."""
        return self.name.rpartition(".")[2]

    def holds(self, other: Transform) -> bool:
        """Whether the other is somewhere inside this one."""
        return other.path.startswith((f"{self.path}.", f"{self.path}["))


def datasets(loader: Any) -> list[tuple[str, Any]]:
    """The loader's dataset and those that it wraps, each with its path."""
    found: dict[int, tuple[str, Any]] = {}
    waiting = [("dataset", _attribute(plan.working(loader), "dataset"))]
    while waiting and len(found) < MEMBERS:
        path, dataset = waiting.pop(0)
        if dataset is None or isinstance(dataset, (type, str)) or id(dataset) in found:
            continue
        found[id(dataset)] = (path, dataset)
        waiting.append((f"{path}.dataset", _attribute(dataset, "dataset")))
        own = getattr(dataset, "__dict__", {})
        waiting += [(f"{path}.{name}", own[name]) for name in INNER if _is_dataset(own.get(name))]
        several = _attribute(dataset, "datasets")
        if isinstance(several, (list, tuple)):
            waiting += [(f"{path}.datasets[{i}]", one) for i, one in enumerate(several[:MEMBERS])]
        elif isinstance(several, Mapping):
            waiting += [(f"{path}.datasets[{k!r}]", one) for k, one in several.items()]
    return list(found.values())


def _is_dataset(item: Any) -> bool:
    """By the class name: what stands under such a name is as often an array or a table."""
    kinds = [kind for kind in type(item).__mro__ if kind is not object]
    return any(kind.__name__.endswith(("Dataset", "Subset")) for kind in kinds)


def transforms(loader: Any) -> list[Transform]:
    """Every transform behind the loader, outer ones before those that they hold."""
    seen: set[int] = set()
    found: list[Transform] = []
    for path, dataset in datasets(loader):
        for name, value in _attributes(dataset).items():
            if any(word in name.lower() for word in WORDS) or _is_known(value):
                found += _walk(f"{path}.{name}", value, seen, 0)
    found += _walk("collate_fn", _attribute(plan.working(loader), "collate_fn"), seen, 0)
    return found


def _is_known(value: Any) -> bool:
    """Whether it comes from a library of transforms, under whatever name it is kept."""
    if isinstance(value, (list, tuple)):
        return any(_is_known(one) for one in value[:DEPTH])
    kind = type(value)
    return callable(value) and table.library(f"{kind.__module__}.{kind.__qualname__}") is not None


def _walk(path: str, item: Any, seen: set[int], depth: int) -> Iterator[Transform]:
    if item is None or isinstance(item, type) or id(item) in seen or depth > DEPTH:
        return
    if isinstance(item, functools.partial):
        yield from _walk(path, item.func, seen, depth + 1)
        for value in (*item.args, *item.keywords.values()):
            if _is_known(value):
                yield from _walk(path, value, seen, depth + 1)
    elif isinstance(item, types.MethodType):
        yield from _walk(path, item.__self__, seen, depth + 1)
    elif isinstance(item, Mapping):
        for key, value in item.items():
            yield from _walk(f"{path}[{key!r}]", value, seen, depth + 1)
    elif isinstance(item, (list, tuple)):
        for index, value in enumerate(item[:MEMBERS]):
            yield from _walk(f"{path}[{index}]", value, seen, depth + 1)
    elif callable(item):
        seen.add(id(item))
        kind = item if inspect.isroutine(item) else type(item)
        yield Transform(path, f"{kind.__module__}.{kind.__qualname__}", item)
        for name, value in _inner(item):
            yield from _walk(f"{path}{name}", value, seen, depth + 1)


def _inner(item: Any) -> Iterator[tuple[str, Any]]:
    """What a transform holds: a network's children by their names, any other object's attributes.

    Of a plain function, the transforms of known libraries that it takes from around it.
    """
    if isinstance(item, types.FunctionType):
        names = dict.fromkeys(names_in(item.__code__))
        around = {name: item.__globals__[name] for name in names if name in item.__globals__}
        for name, value in (*inspect.getclosurevars(item).nonlocals.items(), *around.items()):
            if _is_known(value):
                yield f".{name}", value
        return
    for name, value in dict(getattr(item, "__dict__", {})).items():
        if name == "_modules" and isinstance(value, dict):
            for child, module in value.items():
                yield (f"[{child}]" if child.isdigit() else f".{child}"), module
        elif (isinstance(value, (list, tuple, dict)) or callable(value)) and not name.startswith("_"):
            yield f".{name}", value


def _attributes(item: Any) -> dict[str, Any]:
    """An object's attributes and the plain values of its classes; no property is run."""
    kinds = reversed(type(item).__mro__)
    values = {
        name: value
        for kind in kinds
        for name, value in vars(kind).items()
        if not name.startswith("__") and not hasattr(value, "__get__")
    }
    return values | dict(getattr(item, "__dict__", {}))


def _attribute(item: Any, name: str) -> Any:
    """An attribute that is plainly there; what a property or a ``__getattr__`` raises is not."""
    try:
        return getattr(item, name, None)
    except Exception:
        return None
