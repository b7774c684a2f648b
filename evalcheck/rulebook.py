"""Reads the law: one page per rule, in ``rules/``.

The page is the only copy of a rule's name, family, severity, options, cure and reasons.
"""

from __future__ import annotations

import os
from functools import cache
from types import MappingProxyType

from evalcheck.terms import LAYERS, SEVERITIES

TYPE_CHECKING = False
if TYPE_CHECKING:  # every run reads the pages: nothing is loaded here that costs time
    from collections.abc import Iterator, Mapping
    from typing import Any

    from evalcheck.terms import Layer, Severity

    Reads = tuple[tuple[str, ...], ...]

FENCE = "```"


class Rule:
    """A rule as its page states it.

    ``severity`` is how bad the fault usually is if true, ``grave`` how bad where its harm was
    measured to be large. ``cure`` is one sentence of advice; ``remedies`` name what can be tried.
    ``cause`` is the measured step from eval mode to train mode that shows the fault's effect, ``mode``
    for all of it, or ``inputs`` for what inputs prepared as in training give back;
    ``explained_by`` are the rules of whose faults this one is the symptom.
    ``reads`` are what a file must hold for the source layer to be asked: alternatives, each of
    parts that must all be found in its bytes; a part between slashes is a regular expression. A
    page may name another one instead, whose rule looks at the same.
    """

    def __init__(self, name: str, summary: str, page: str, stated: dict[str, Any]) -> None:
        """From a page's TOML block, of which what is understood is taken. Raises ``KeyError``."""
        self.name = name
        self.summary = summary
        self.page = page
        self.options: Mapping[str, Any] = MappingProxyType(stated.pop("options", {}))
        self.family: str = stated.pop("family")
        self.layers: tuple[Layer, ...] = tuple(stated.pop("layers"))
        self.severity: Severity = stated.pop("severity")
        self.grave: Severity = stated.pop("grave", self.severity)
        self.cure: str = stated.pop("cure")
        self.remedies: tuple[str, ...] = tuple(stated.pop("remedies", ()))
        self.cause: str | None = stated.pop("cause", None)
        self.explained_by: tuple[str, ...] = tuple(stated.pop("explained_by", ()))
        reads = stated.pop("reads", ())
        self.reads_as: str | None = reads if isinstance(reads, str) else None
        self.reads: Reads = () if self.reads_as else tuple(tuple(parts) for parts in reads)

    @property
    def shown(self) -> str:
        """The page for people: without what only the machine reads, and with the cure in its place."""
        head, _, rest = self.page.partition(f"{FENCE}toml\n")
        _, _, body = rest.partition(f"\n{FENCE}\n")
        facts = f"{self.severity}, family {self.family}, looked for in: {', '.join(self.layers)}"
        told = [f"{name} = {value!r}" for name, value in self.options.items()]
        options = f"\n\nOptions: {', '.join(told)}." if told else ""
        return f"{head}{facts[0].upper()}{facts[1:]}.\n\n**Do:** {self.cure}{options}\n{_unmarked(body)}"


class Example:
    """A fenced block of a page: the section it stands in, the layer that reads it, its code."""

    def __init__(self, section: str, layer: Layer, code: str, line: int) -> None:
        self.section = section
        self.layer = layer
        self.code = code
        self.line = line


class BrokenPage(ValueError):
    """A page that does not have the form of a page."""


def _unmarked(text: str) -> str:
    """Without the layers behind the fences, which only tests need."""
    for layer in LAYERS:
        text = text.replace(f"{FENCE}python {layer}\n", f"{FENCE}python\n")
    return text


def home() -> str:
    """The folder of pages: inside the installed package, else beside it in a checkout."""
    package = os.path.dirname(os.path.abspath(__file__))
    inside = os.path.join(package, "rules")
    return inside if os.path.isdir(inside) else os.path.join(os.path.dirname(package), "rules")


@cache
def load() -> Mapping[str, Rule]:
    """Every rule by its name, in alphabetical order."""
    folder = home()
    pages = sorted(name for name in os.listdir(folder) if name.endswith(".md") and name != "README.md")
    rules = {page[:-3]: read(page[:-3], _text(folder, page)) for page in pages}
    for rule in rules.values():
        if rule.reads_as is not None:
            rule.reads = rules[rule.reads_as].reads
    return MappingProxyType(rules)


def _text(folder: str, page: str) -> str:
    with open(os.path.join(folder, page), encoding="utf8") as file:
        return file.read()


def find(name: str) -> Rule:
    """The rule of that name; a :class:`Complaint` with the nearest name if there is none."""
    rules = load()
    if name not in rules:
        from evalcheck.complaint import Complaint, nearest

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
            from evalcheck.complaint import Complaint, nearest

            hint = nearest(name, [*rules, *families])
            raise Complaint(f"there is no rule or family {name!r}{hint}; `evalcheck rules` lists them")
    return frozenset(chosen)


def read(name: str, page: str) -> Rule:
    """A page's text as a rule. Raises :class:`BrokenPage` where the form is not kept."""
    import tomllib

    title, _, rest = page.partition("\n")
    if title.strip() != f"# {name}":
        raise BrokenPage(f"{name}: the first line must be '# {name}'")
    summary, _, rest = rest.partition(f"{FENCE}toml\n")
    block, _, _ = rest.partition(f"\n{FENCE}")
    data = tomllib.loads(block)
    try:
        rule = Rule(name, " ".join(summary.split()), page, data)
    except KeyError as missing:
        raise BrokenPage(f"{name}: the block lacks {missing}") from None
    if data or not set(rule.layers) <= set(LAYERS):
        raise BrokenPage(f"{name}: not understood in the block: {sorted(data) or rule.layers}")
    if not {rule.severity, rule.grave} <= set(SEVERITIES):
        raise BrokenPage(f"{name}: severities are {', '.join(SEVERITIES)}")
    if ("source" in rule.layers) != bool(rule.reads or rule.reads_as):
        raise BrokenPage(f"{name}: `reads` says what a file must hold for the source layer, and for no other")
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
