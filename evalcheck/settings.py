"""``[tool.evalcheck]`` of the nearest pyproject.toml, checked key by key."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

from evalcheck import rulebook
from evalcheck.complaint import Complaint, nearest
from evalcheck.patterns import Patterns
from evalcheck.rulebook import Rule
from evalcheck.terms import SEVERITIES, Severity

KEYS = ("select", "ignore", "severity", "options", "exclude", "per-file-ignores", "frameworks")
LISTS = ("select", "ignore", "exclude", "frameworks")


@dataclass(frozen=True)
class Settings:
    """Which rules are asked, how bad they are here, with which options, and what is not read.

    ``allow`` maps a rule to the reason why what it finds is meant. ``per_file_ignores`` maps patterns of
    paths to rules that are not asked there. ``frameworks`` are packages whose classes set modes themselves.
    ``root`` is the folder of the file that all this stands in, from which its patterns are read.
    """

    select: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    severity: Mapping[str, Severity] = field(default_factory=dict)
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exclude: tuple[str, ...] = ()
    allow: Mapping[str, str] = field(default_factory=dict)
    per_file_ignores: Mapping[str, frozenset[str]] = field(default_factory=dict)
    frameworks: tuple[str, ...] = ()
    root: Path | None = None

    def rules(self) -> tuple[Rule, ...]:
        """The rules to ask, in the order of their names."""
        return tuple(
            rule
            for name, rule in rulebook.load().items()
            if (not self.select or name in self.select) and name not in self.ignore
        )

    def options_of(self, rule: Rule) -> dict[str, Any]:
        """The page's defaults under the user's values."""
        return {**rule.options, **self.options.get(rule.name, {})}

    def ignored_in(self, path: str | os.PathLike[str]) -> frozenset[str]:
        """The rules that are not asked about a file."""
        if not self.per_file_ignores or self.root is None:
            return frozenset()
        folder, name = os.path.split(os.path.abspath(path))
        inside = os.path.relpath(os.path.join(_real(folder), name), _real(os.fspath(self.root)))
        inside = inside.replace(os.sep, "/")
        if inside.startswith("../") or os.path.isabs(inside):
            return frozenset()
        rules = (rules for pattern, rules in self.per_file_ignores.items() if _patterns(pattern).hold(inside))
        return frozenset().union(*rules)

    def said(self) -> str:
        """All of it in words that are the same for the same settings, whatever order they were given in."""
        return repr([_sorted(getattr(self, name)) for name in self.__dataclass_fields__])

    def narrowed(self, select: tuple[str, ...], ignore: tuple[str, ...]) -> Settings:
        """With the names of the command line: its selection replaces, its ignores add."""
        return replace(
            self,
            select=rulebook.expand(select) or self.select,
            ignore=self.ignore | rulebook.expand(ignore),
        )

    def allowing(self, allow: Mapping[str, str]) -> Settings:
        """With faults that are declared to be meant, each with its reason."""
        for name in allow:
            rulebook.find(name)
        return replace(self, allow=dict(allow))


def _sorted(part: object) -> object:
    if isinstance(part, Mapping):
        return sorted((repr(key), repr(_sorted(value))) for key, value in part.items())
    return sorted(map(repr, part)) if isinstance(part, frozenset) else part


_real = cache(os.path.realpath)


@cache
def _patterns(pattern: str) -> Patterns:
    return Patterns([pattern])


def locate(start: Path) -> Path | None:
    """The nearest pyproject.toml with a ``[tool.evalcheck]`` table, from ``start`` upwards."""
    here = start.resolve()
    for folder in (here, *here.parents):
        file = folder / "pyproject.toml"
        if file.is_file() and b"[tool.evalcheck" in file.read_bytes():
            return file
    return None


def load(file: Path | None) -> Settings:
    """The settings of a file. Raises :class:`Complaint` for anything not understood in it."""
    if file is None:
        return Settings()
    try:
        data = tomllib.loads(file.read_text("utf8"))
    except OSError as error:
        raise Complaint(f"{file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Complaint(f"{file}: not valid TOML: {error}") from None
    table = data.get("tool", {}).get("evalcheck", {} if file.name == "pyproject.toml" else data)
    try:
        return _settings(table, file.absolute().parent)
    except Complaint as complaint:
        raise Complaint(f"{file}: [tool.evalcheck] {complaint}") from None


def _settings(table: Mapping[str, Any], root: Path) -> Settings:
    for key in table:
        if key not in KEYS:
            raise Complaint(f"has no option {key!r}{nearest(key, KEYS)}; there are {', '.join(KEYS)}")
    for key in LISTS:
        _strings(key, table.get(key, []))
    return Settings(
        select=rulebook.expand(tuple(table.get("select", ()))),
        ignore=rulebook.expand(tuple(table.get("ignore", ()))),
        severity=_severities(table.get("severity", {})),
        options=_options(table.get("options", {})),
        exclude=tuple(table.get("exclude", ())),
        per_file_ignores=_per_file_ignores(table.get("per-file-ignores", {})),
        frameworks=_frameworks(table.get("frameworks", ())),
        root=root,
    )


def _strings(key: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Complaint(f"{key} must be a list of strings")
    return tuple(value)


def _per_file_ignores(table: object) -> dict[str, frozenset[str]]:
    if not isinstance(table, dict):
        raise Complaint("per-file-ignores must be a table of 'pattern' = ['rule', 'family']")
    for pattern in table:
        if not pattern.strip() or pattern.startswith("!"):
            raise Complaint(f"per-file-ignores: {pattern!r} is no pattern of paths")
    return {
        pattern: rulebook.expand(_strings(f"per-file-ignores of {pattern!r}", names))
        for pattern, names in table.items()
    }


def _frameworks(names: list[str]) -> tuple[str, ...]:
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise Complaint(f"frameworks: {name!r} is not the name of a package, such as 'mylib.engine'")
    return tuple(dict.fromkeys(names))


def _severities(table: object) -> dict[str, Severity]:
    if not isinstance(table, dict):
        raise Complaint("severity must be a table of rule = 'error' | 'warning' | 'note'")
    for name, value in table.items():
        rulebook.find(name)
        if value not in SEVERITIES:
            raise Complaint(f"severity of {name} must be error, warning or note, not {value!r}")
    return cast("dict[str, Severity]", table)


def _options(table: object) -> dict[str, dict[str, Any]]:
    if not isinstance(table, dict):
        raise Complaint("options must hold one table per rule")
    for name, values in table.items():
        known = rulebook.find(name).options
        if not isinstance(values, dict):
            raise Complaint(f"options.{name} must be a table")
        for key, value in values.items():
            if key not in known:
                has = f"it has {', '.join(known)}" if known else "it has none"
                raise Complaint(f"rule {name} has no option {key!r}{nearest(key, known)}; {has}")
            if not _alike(value, known[key]):
                raise Complaint(f"options.{name}.{key} must be like its default, {known[key]!r}")
    return table


def _alike(value: object, default: object) -> bool:
    if isinstance(default, bool) or isinstance(value, bool):
        return type(value) is type(default)
    if isinstance(default, float):
        return isinstance(value, (int, float))
    return isinstance(value, type(default))
