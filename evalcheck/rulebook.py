"""Reads the law: one page per rule, in ``rules/``.

The page is the only copy of a rule's name, family, severity, options, cure and reasons.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from evalcheck.complaint import Complaint, nearest
from evalcheck.finding import LAYERS, Layer, Severity

FENCE = "```"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """A rule as its page states it.

    ``severity`` is how bad the fault usually is if true, ``grave`` how bad where its harm was
    measured to be large. ``cure`` is one sentence of advice; ``remedies`` name what can be tried.
    ``cause`` is the measured step from eval mode to train mode that shows the fault's effect.
    ``reads`` are what a file must hold for the source layer to be asked: alternatives, each of
    parts that must all be found in its bytes; a part between slashes is a regular expression.
    """

    name: str
    summary: str
    family: str
    layers: tuple[Layer, ...]
    severity: Severity
    grave: Severity
    cure: str
    remedies: tuple[str, ...]
    cause: str | None
    reads: tuple[tuple[str, ...], ...]
    options: Mapping[str, Any]
    page: str


@dataclass(frozen=True, slots=True)
class Example:
    """A fenced block of a page: the section it stands in, the layer that reads it, its code."""

    section: str
    layer: Layer
    code: str
    line: int


class BrokenPage(ValueError):
    """A page that does not have the form of a page."""


def home() -> Path:
    """The folder of pages: inside the installed package, else beside it in a checkout."""
    inside = Path(__file__).parent / "rules"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "rules"


@cache
def load() -> Mapping[str, Rule]:
    """Every rule by its name, in alphabetical order."""
    pages = sorted(p for p in home().glob("*.md") if p.name != "README.md")
    return MappingProxyType({p.stem: read(p.stem, p.read_text("utf8")) for p in pages})


def find(name: str) -> Rule:
    """The rule of that name; a :class:`Complaint` with the nearest name if there is none."""
    rules = load()
    if name not in rules:
        raise Complaint(f"there is no rule {name!r}{nearest(name, rules)}; `evalcheck rules` lists them")
    return rules[name]


def expand(names: tuple[str, ...]) -> frozenset[str]:
    """The rules that some names of rules and families mean."""
    rules = load()
    families = {rule.family for rule in rules.values()}
    chosen: set[str] = set()
    for name in names:
        if name in rules:
            chosen.add(name)
        elif name in families:
            chosen.update(rule.name for rule in rules.values() if rule.family == name)
        else:
            hint = nearest(name, [*rules, *families])
            raise Complaint(f"there is no rule or family {name!r}{hint}; `evalcheck rules` lists them")
    return frozenset(chosen)


def read(name: str, page: str) -> Rule:
    """A page's text as a rule. Raises :class:`BrokenPage` where the form is not kept."""
    title, _, rest = page.partition("\n")
    if title.strip() != f"# {name}":
        raise BrokenPage(f"{name}: the first line must be '# {name}'")
    summary, _, rest = rest.partition(f"{FENCE}toml\n")
    block, _, _ = rest.partition(f"\n{FENCE}")
    data = tomllib.loads(block)
    options = data.pop("options", {})
    severity = data.pop("severity", None)
    try:
        rule = Rule(
            name=name,
            summary=" ".join(summary.split()),
            family=data.pop("family"),
            layers=tuple(data.pop("layers")),
            severity=severity,
            grave=data.pop("grave", severity),
            cure=data.pop("cure"),
            remedies=tuple(data.pop("remedies", ())),
            cause=data.pop("cause", None),
            reads=tuple(tuple(parts) for parts in data.pop("reads", ())),
            options=MappingProxyType(options),
            page=page,
        )
    except KeyError as missing:
        raise BrokenPage(f"{name}: the block lacks {missing}") from None
    if data or not set(rule.layers) <= set(LAYERS):
        raise BrokenPage(f"{name}: not understood in the block: {sorted(data) or rule.layers}")
    if ("source" in rule.layers) != bool(rule.reads):
        raise BrokenPage(f"{name}: a rule of the source layer says in `reads` what a file must hold, and no other")
    if not {rule.severity, rule.grave} <= set(get_args(Severity)):
        raise BrokenPage(f"{name}: severities are {get_args(Severity)}")
    return rule


def examples(rule: Rule) -> Iterator[Example]:
    """The fenced Python blocks of a page; a block is read by the rule's first layer unless it names one."""
    section, layer, code, start = "", rule.layers[0], list[str](), 0
    for number, line in enumerate(rule.page.split("\n"), 1):
        if start and line.strip() == FENCE:
            yield Example(section, layer, "\n".join(code) + "\n", start)
            start = 0
        elif start:
            code.append(line)
        elif line.startswith("## "):
            section = line[3:].strip()
        elif line.startswith(f"{FENCE}python"):
            named = line.removeprefix(f"{FENCE}python").strip()
            layer = next((known for known in LAYERS if known == named), rule.layers[0])
            code, start = [], number + 1
