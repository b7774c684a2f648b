"""Which source is the user's, and which of it defines the model at hand."""

from __future__ import annotations

import contextlib
import inspect
import sys
import sysconfig
from collections.abc import Callable
from functools import cache
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
    if not file.is_file():
        return False
    place = file.resolve()
    installed = {"site-packages", "dist-packages"} & set(place.parts)
    return not installed and not any(place.is_relative_to(folder) for folder in foreign())


def behind(model: Any, module: ModuleType | None = None) -> tuple[Path, ...]:
    """The target's own file if there is one, then those in which the classes of the model stand."""
    found = dict.fromkeys([_file(module), *(_file(sys.modules.get(k.__module__)) for k in _classes(model))])
    return tuple(Path(shown(file)) for file in found if is_users(file))


def defining(model: Any) -> Callable[[Sighting], bool]:
    """Tells sightings in the classes of the model from those elsewhere in their files.

    Who hands over a model asks about that model, not about its neighbours in the file.
    """
    stretches: dict[str, list[range]] = {}
    for kind in _classes(model):
        file = _file(sys.modules.get(kind.__module__))
        if is_users(file):
            with contextlib.suppress(OSError, TypeError):
                lines, start = inspect.getsourcelines(kind)
                stretches.setdefault(shown(file), []).append(range(start, start + len(lines)))

    def within(sighting: Sighting) -> bool:
        span = sighting.place.span
        return span is None or any(span.line in part for part in stretches.get(span.path, ()))

    return within


def _classes(model: Any) -> list[type]:
    return list({kind: None for part in model.modules() for kind in type(part).__mro__})


def _file(module: ModuleType | None) -> Path:
    # An empty path is no file, and so not the user's.
    return Path(getattr(module, "__file__", None) or "")
