"""Which source is the user's, and which of it defines the model at hand."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import evalcheck
from evalcheck.finding import Sighting
from evalcheck.paths import shown


@cache
def foreign() -> tuple[Path, ...]:
    """The folders of python's library, of installed packages, and of evalcheck itself."""
    known = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple({Path(evalcheck.__file__).resolve().parent, *(Path(p).resolve() for p in known if p)})


def is_users(file: Path) -> bool:
    """Whether a file was written by the user, as far as its place tells."""
    return file.is_file() and not is_installed(str(file))


@lru_cache(1024)
def is_installed(path: str) -> bool:
    """Whether a file belongs to python, to an installed package, or to evalcheck."""
    place = Path(path).resolve()
    packages = {"site-packages", "dist-packages"} & set(place.parts)
    return bool(packages) or any(place.is_relative_to(folder) for folder in foreign())


def behind(model: Any, module: ModuleType | None = None) -> tuple[Path, ...]:
    """The target's own file if there is one, then those in which the classes of the model stand."""
    found = dict.fromkeys([_file(module), *(_file(sys.modules.get(k.__module__)) for k in _classes(model))])
    return tuple(Path(shown(file)) for file in found if is_users(file))


def defining(model: Any) -> Callable[[Sighting], bool]:
    """Tells sightings in the classes of the model from those elsewhere in their files.

    Who hands over a model asks about that model, not about its neighbours in the file, nor about
    methods of a base class that the model's own classes override.
    """
    concrete = list({type(part): None for part in model.modules()})
    lines: dict[str, set[int]] = {}
    for kind in _classes(model):
        file = _file(sys.modules.get(kind.__module__))
        if is_users(file):
            lines.setdefault(shown(file), set()).update(_lines(kind, concrete))

    def within(sighting: Sighting) -> bool:
        span = sighting.place.span
        return span is None or span.line in lines.get(span.path, ())

    return within


def concerning(model: Any, target: Path) -> Callable[[Sighting], bool]:
    """Like :func:`defining`, but of the target's own file all that is no other model's class.

    The file that is named on the command line trains, loads data and sets seeds: that concerns its
    model. The networks that it defines beside it do not.
    """
    own, within = shown(target), defining(model)
    used = set(_classes(model))
    homes = [m for m in list(sys.modules.values()) if _file(m) != Path() and shown(_file(m)) == own]
    others: set[int] = set()
    for home in homes:
        kinds = [kind for kind in vars(home).values() if isinstance(kind, type) and kind not in used]
        for kind in kinds:
            if _is_network(kind) and kind.__module__ == home.__name__:
                text, start = _source(kind)
                others.update(range(start, start + text.count("\n") + 1) if text else ())

    def concerns(sighting: Sighting) -> bool:
        span = sighting.place.span
        if span is not None and span.path == own:
            return span.line not in others or within(sighting)
        return within(sighting)

    return concerns


def _is_network(kind: type) -> bool:
    return any(base.__module__.startswith("torch.nn.") for base in kind.__mro__)


def _lines(kind: type, concrete: Sequence[type]) -> Iterator[int]:
    """The lines of a class, without its methods that none of the concrete classes can reach."""
    text, start = _source(kind)
    lines = set(range(start, start + text.count("\n") + 1)) if text else set()
    for method in _methods(text):
        if not any(_reaches(one, kind, method.name) for one in concrete):
            first = min([method.lineno, *(d.lineno for d in method.decorator_list)])
            # The text was parsed one line below where it begins.
            lines -= {start + line - 2 for line in range(first, (method.end_lineno or first) + 1)}
    yield from lines


def _reaches(concrete: type, kind: type, name: str) -> bool:
    """Whether this class's ``name`` is that of ``kind``, or may hand on to it by ``super()`` or by name."""
    if kind not in concrete.__mro__:
        return False
    named = rf"\b(super\([^)]+\)|{re.escape(kind.__name__)})\.{name}\b"
    for nearer in concrete.__mro__[: concrete.__mro__.index(kind)]:
        text, _ = _source(nearer)
        if re.search(named, text):
            return True
        own = [ast.unparse(method) for method in _methods(text) if method.name == name]
        # What cannot be read may hand on, and so may what was assigned instead of defined.
        if own and not any("super(" in one for one in own) and f"super().{name}" not in text:
            return False
    return True


@lru_cache(256)
def _source(kind: type) -> tuple[str, int]:
    try:
        lines, start = inspect.getsourcelines(kind)
    except (OSError, TypeError):
        return "", 0
    return "".join(lines).rstrip("\n"), start


@lru_cache(1024)
def _methods(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """What is defined by ``def`` right in the body of a class; none where the text does not parse."""
    try:
        # A block around it allows the indentation of a class inside a function.
        tree = ast.parse(f"if 1:\n{text}" if text[:1].isspace() else f"\n{text}")
    except SyntaxError:
        return []
    body = next((node.body for node in ast.walk(tree) if isinstance(node, ast.ClassDef)), [])
    return [node for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def _classes(model: Any) -> list[type]:
    return list({kind: None for part in model.modules() for kind in type(part).__mro__})


def _file(module: ModuleType | None) -> Path:
    # An empty path is no file, and so not the user's.
    return Path(getattr(module, "__file__", None) or "")
