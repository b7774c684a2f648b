"""What a result is: where it was seen, on what evidence, and what could not be asked.

Everything here is plain data from the standard library. The eyes produce it, the
checks hand it on, the engine merges it and the reporters show it; none of them is known here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from evalcheck.measurement import Measurements
from evalcheck.passing import Passing
from evalcheck.terms import CERTAINTY, SEVERITIES, Certainty, Layer, Severity

Strength = Literal["cleared", "slight", "usual", "grave"]
Verdict = Literal["clean", "findings", "incomplete"]

# The unit of what moves an output (see :mod:`evalcheck.measurement`).
EFFECT = "of the output's variance"


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text. Lines and columns count characters from one; the end column is exclusive.

    ``cell`` counts a notebook's code cells from one. ``text`` is the first line without its
    margins: a finding keeps its identity when lines above it come or go.
    """

    path: str
    line: int
    column: int
    end_line: int
    end_column: int
    cell: int | None = None
    text: str = field(default="", compare=False)

    def touches(self, other: Span) -> bool:
        """Whether both lie in one file and share a line."""
        return (
            self.path == other.path
            and self.cell == other.cell
            and self.line <= other.end_line
            and other.line <= self.end_line
        )


@dataclass(frozen=True, slots=True)
class Place:
    """Where: a stretch of source, a module by its qualified name, or both."""

    span: Span | None = None
    module: str | None = None

    def meets(self, other: Place) -> bool:
        """Whether both speak of one place: the same module, or a shared line."""
        if self.module is not None and self.module == other.module:
            return True
        return self.span is not None and other.span is not None and self.span.touches(other.span)


@dataclass(frozen=True, slots=True)
class Quote:
    """A line of the user's code, and the part that it plays."""

    place: Place
    role: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One number with its unit, the limit it was held against, and how sure it is."""

    what: str
    value: float
    unit: str = ""
    limit: float | None = None
    interval: tuple[float, float] | None = None
    trials: int | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under headers."""

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Evidence = Quote | Measure | Table


@dataclass(frozen=True, slots=True)
class Edit:
    """New text for a span."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that put the source right; ``safe`` when they cannot change what was meant."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@dataclass(frozen=True, slots=True)
class Remedy:
    """A cure and what became of it: ``before`` and ``after`` are values of ``measure``.

    ``detail`` is what was measured or published, ``price`` what the cure changes besides, each one
    sentence for people.
    """

    name: str
    title: str
    status: Literal["proved", "failed", "untried"]
    measure: str
    before: float | None = None
    after: float | None = None
    detail: str = ""
    price: str = ""


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one layer saw of one fault.

    ``others`` are further places of the same fault. ``subject`` is the class name of what is at fault,
    where layers that share no place can know it: sightings with one subject are of one fault.
    ``strength`` says how the sighting stands to
    what its rule's page calls usual: ``grave`` where the harm was measured to be large, ``slight``
    where it is only a hypothesis, ``cleared`` where a measurement found no effect.
    """

    layer: Layer
    place: Place
    message: str
    evidence: tuple[Evidence, ...] = ()
    others: tuple[Place, ...] = ()
    strength: Strength = "usual"
    subject: str | None = None
    fix: Fix | None = None
    remedies: tuple[Remedy, ...] = ()

    @property
    def places(self) -> tuple[Place, ...]:
        return (self.place, *self.others)


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault with all its sightings, the surest first."""

    rule: str
    family: str
    severity: Severity
    sightings: tuple[Sighting, ...]
    remedies: tuple[Remedy, ...] = ()

    @property
    def certainty(self) -> Certainty:
        return CERTAINTY[self.sightings[0].layer]

    @property
    def message(self) -> str:
        return self.sightings[0].message

    @property
    def place(self) -> Place:
        """The place shown: a line of source if any sighting knows one, and a module likewise.

        The line is that of the module, or one that no module is known of; where only another module of
        the fault has a line, that one is shown.
        """
        places = [place for sighting in self.sightings for place in sighting.places]
        module = next((p.module for p in places if p.module is not None), None)
        lines = [p for p in (*(s.place for s in self.sightings), *places) if p.span is not None]
        shown = next((p for p in lines if p.module in (module, None)), lines[0] if lines else Place())
        return Place(shown.span, module if shown.module is None else shown.module)

    @property
    def evidence(self) -> tuple[Evidence, ...]:
        return tuple(item for sighting in self.sightings for item in sighting.evidence)

    @property
    def effect(self) -> float:
        """By how much the fault was measured to move the output, in units of its variance; 0 if not known."""
        held = [m for m in self.evidence if isinstance(m, Measure) and m.limit is not None]
        return max((m.value for m in held if m.unit == EFFECT), default=0.0)

    @property
    def fix(self) -> Fix | None:
        return next((s.fix for s in self.sightings if s.fix), None)

    @property
    def fingerprint(self) -> str:
        """The same for the same fault after unrelated edits: rule, path and text, or rule and module."""
        place = self.place
        if place.span is not None:
            key = f"{self.rule}\0{place.span.path}\0{place.span.text}"
        else:
            key = f"{self.rule}\0{place.module or ''}"
        return hashlib.blake2b(key.encode("utf8", "surrogatepass"), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Gap:
    """A rule that one layer could not be asked about, and why."""

    rule: str
    layer: Layer
    reason: str
    subject: str = ""


class Unanswerable(Exception):
    """Raised by a check that cannot judge its subject; the reason becomes a gap, not a pass."""


@dataclass(frozen=True)
class Report:
    """Everything that one run found, measured and could not ask.

    ``notes`` say how it was run (which loader was taken, that a batch was halved); ``faults``
    are errors of evalcheck itself; ``given`` are the options of the command line that say which weights and
    data it was, as ``evalcheck recalibrate`` takes them; ``render`` makes the text that people read.
    """

    target: str
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    measurements: Measurements | None = None
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    render: Callable[[Report], str] | None = field(default=None, compare=False, repr=False)

    def at_least(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of this severity or a worse one."""
        floor = SEVERITIES.index(severity)
        return tuple(f for f in self.findings if SEVERITIES.index(f.severity) >= floor)

    @property
    def verdict(self) -> Verdict:
        """``clean`` only if nothing was found and nothing went unasked: silence is not a pass."""
        if self.at_least("warning"):
            return "findings"
        return "incomplete" if self.gaps or self.unread or self.faults else "clean"

    @property
    def ok(self) -> Passing:
        """Whether nothing as bad was found: ``ok("error")``; ``ok`` and ``ok()`` ask from warnings up."""
        return Passing(self.at_least)

    def assert_ok(self, fail_on: Severity | Literal["never"] = "warning") -> None:
        """Raise ``AssertionError`` with the whole report unless :meth:`ok`."""
        __tracebackhide__ = True
        if not self.ok(fail_on):
            raise AssertionError(f"evalcheck found faults in {self.target}\n\n{self}")

    def __add__(self, other: Report) -> Report:
        return replace(
            self,
            target=", ".join(dict.fromkeys((self.target, other.target))),
            findings=self.findings + other.findings,
            gaps=self.gaps + other.gaps,
            measurements=self.measurements or other.measurements,
            notes=tuple(dict.fromkeys(self.notes + other.notes)),
            faults=self.faults + other.faults,
            unread=self.unread + other.unread,
        )

    def __str__(self) -> str:
        if self.render is not None:
            return self.render(self)
        return "\n".join([f"{self.target}: {self.verdict}", *(_line(f) for f in self.findings)])

    __repr__ = __str__


def _line(finding: Finding) -> str:
    place = finding.place
    where = f"{place.span.path}:{place.span.line}" if place.span else place.module or ""
    return f"{where}: {finding.severity} [{finding.rule}] {finding.message}"


def worst(severities: Iterable[Severity]) -> Severity:
    """The gravest of some severities; ``note`` of none."""
    return max(severities, key=SEVERITIES.index, default="note")
