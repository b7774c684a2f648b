"""What evalcheck said of one labelled model, and what of it was right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from labelled_models.case import HEALTHY, LEAK, Case


@dataclass(frozen=True)
class Named:
    """A cause as the report lists it."""

    name: str
    size: float
    threshold: float
    material: bool
    modules: tuple[str, ...]

    @property
    def score(self) -> float:
        return self.size / self.threshold if self.threshold > 0 else self.size


@dataclass(frozen=True)
class Record:
    """One case and its report: causes in the report's order, findings with severity and module."""

    name: str
    label: str
    culprits: tuple[str, ...]
    rules: tuple[str, ...]
    causes: tuple[Named, ...] = ()
    findings: tuple[tuple[str, str, str | None], ...] = ()
    gaps: tuple[tuple[str, str], ...] = ()
    worst_layer: str = ""
    seconds: float = 0.0
    failure: str = ""

    @property
    def first(self) -> str:
        """The main cause, ``none`` where none is material."""
        if self.causes and self.causes[0].material:
            return self.causes[0].name
        return "none"

    @property
    def culprit(self) -> str | None:
        """The module blamed first: the main cause's, else the worst norm's; a leak's is its finding's."""
        if self.label == LEAK:
            return next((module for rule, _, module in self.findings if rule in self.rules), None)
        if self.causes and self.causes[0].material and self.causes[0].modules:
            return self.causes[0].modules[0]
        return self.worst_layer or None

    @property
    def score(self) -> float:
        """The largest cause in units of its threshold."""
        return max((cause.score for cause in self.causes), default=0.0)

    @property
    def found(self) -> bool:
        """Whether one of the rules that should find it did, as more than a note."""
        return any(rule in self.rules for rule, _ in self.alarms)

    @property
    def alarms(self) -> tuple[tuple[str, str], ...]:
        return tuple((rule, severity) for rule, severity, _ in self.findings if severity != "note")

    @property
    def named_right(self) -> bool:
        """The label named first; nothing for a healthy model; for a leak, its rule."""
        if self.label == LEAK:
            return self.found
        return self.first == ("none" if self.label == HEALTHY else self.label)

    @property
    def culprit_right(self) -> bool:
        return self.culprit in self.culprits


def record(case: Case, report: Any, seconds: float) -> Record:
    """The record of a report; a report without measurements has no causes."""
    measured = report.measurements
    layers = measured.layers if measured else ()
    return Record(
        case.name,
        case.label,
        case.culprits,
        case.rules,
        tuple(
            Named(c.name, c.size, c.threshold, bool(c.material), tuple(getattr(c, "modules", ())))
            for c in (measured.causes if measured else ())
        ),
        tuple((found.rule, found.severity, found.place.module) for found in report.findings),
        tuple((gap.rule, gap.reason) for gap in report.gaps),
        layers[0].module if layers else "",
        seconds,
    )
