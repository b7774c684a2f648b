"""What became of the remedies: those that were tried, with a verdict each, and those that take training."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from evalcheck.finding import Finding, Report
from evalcheck.measurement import Attempt
from evalcheck.reporters.numbers import CALLED, change, joined, upper

Verdict = Literal["cures", "helps", "no cure", "does nothing", "makes it worse"]
# From this part of the loss given back on, a remedy that is no cure helps; from here on down it hurts.
HELPS, HURTS = 0.1, -0.05
# A symptom that changes by less than this factor does not change.
SAME = 1.1
# Scores that people know: whether more is better, and from what change on it is one.
KNOWN = {"accuracy": (True, 0.01), "loss": (False, 0.01)}
# What moves the other way, in figures that are shown.
OTHERS = re.compile(r", while [^,;]* goes from \S+ to [^\s,;]+")
# A sentence that says no more than that a cure is one.
WHOLE = re.compile(r"gives back (?:9[5-9]|100)% of [^,;]*")

JUDGED = "on this model, and measured again in eval mode:"
TRAINING = "because it takes training:"
UNPROVABLE = "because it takes training, or because nothing here could prove it:"


@dataclass(frozen=True, slots=True)
class Treatment:
    """A remedy that was tried: ``did`` are its figures, ``price`` is what else it changes."""

    verdict: Verdict
    title: str
    did: str
    note: str = ""
    price: str = ""


def tried(report: Report) -> list[Treatment]:
    """Every remedy that was run, those that cure first, then those that give back most."""
    return [_told(attempt) for attempt in ran(report)]


def untried(report: Report) -> list[str]:
    """Advice that takes training, with its published figures, and what nothing here could prove."""
    advice = [attempt for attempt in _all(report) if attempt.status == "untried"]
    return [f"{upper(one.title)}{f': {one.detail}' if one.detail else ''}." for one in advice]


def why_untried(lines: Sequence[str]) -> str:
    """Advice says in its title that it takes training."""
    return TRAINING if all("training" in line.partition(":")[0].lower() for line in lines) else UNPROVABLE


def ran(report: Report) -> list[Attempt]:
    """Attempts with a value before and after, the best first; among cures, one that a command applies."""
    found = [
        a for a in _all(report) if a.status != "untried" and a.before is not None and a.after is not None
    ]
    cures = {a.name for a in found if a.status == "proved"}
    # A norm that is shared is refused by the command, which has one set of statistics to give.
    applied = "recalibrate" if "per-call-statistics" not in cures else ""

    def rank(a: Attempt) -> tuple[object, ...]:
        proved = a.status == "proved"
        return (not proved, proved and a.name != applied, -_given_back(a), -_steadied(a), bool(a.price))

    return sorted(found, key=rank)


def verdict(attempt: Attempt) -> Verdict:
    """What is said of an attempt in a word or two."""
    if attempt.status == "proved":
        return "cures"
    said = _effect(attempt)
    others = [one for one in attempt.scores if one[0] != attempt.measure]
    mixed = said in ("does nothing", "makes it worse") and any(_is_better(*one) for one in others)
    return "no cure" if mixed or (attempt.fault and said == "helps") else said


def headline(attempt: Attempt) -> tuple[str, float, float]:
    """The figure to read first: a score that gets better goes before what people know less of."""
    assert attempt.before is not None
    assert attempt.after is not None
    main = (attempt.measure, attempt.before, attempt.after)
    if not attempt.measure.startswith("scatter"):
        return main
    return next((one for one in attempt.scores if _is_better(*one)), main)


def _is_better(name: str, before: float, after: float) -> bool:
    more, least = KNOWN.get(name, (True, math.inf))
    return (after - before if more else before - after) > least


def _effect(attempt: Attempt) -> Verdict:
    """By the figures alone."""
    if attempt.detail.startswith("makes it worse"):
        return "makes it worse"
    if attempt.recovered is not None:
        if attempt.recovered >= HELPS:
            return "helps"
        return "makes it worse" if attempt.recovered <= HURTS else "does nothing"
    before, after = attempt.before or 0.0, attempt.after or 0.0
    if attempt.measure == "accuracy":  # all else is better where it is smaller
        before, after = 1 - before, 1 - after
    if "worse" in attempt.detail or after > before * SAME:
        return "makes it worse"
    return "helps" if after * SAME < before else "does nothing"


def of_finding(finding: Finding, report: Report) -> str:
    """What became of a finding's remedies, in a few words; empty where none was run."""
    names = {remedy.name for remedy in finding.remedies if remedy.status != "untried"}
    mine = [attempt for attempt in ran(report) if attempt.name in names] if names else []
    if not mine:
        return ""
    cures = [attempt.title for attempt in mine if attempt.status == "proved"]
    if cures:
        return f"cured by {joined(cures)}"
    return f"no cure so far: {joined([does(attempt) for attempt in mine])}"


def does(attempt: Attempt) -> str:
    """``resetting the norms helps``, ``statistics of the batch help``."""
    said: str = verdict(attempt).replace("no cure", "is no cure")
    if attempt.title.startswith("statistics "):
        said = {"cures": "cure", "helps": "help", "does nothing": "do nothing"}.get(said, "make it worse")
    return f"{attempt.title} {said}"


def _all(report: Report) -> Iterator[Attempt]:
    """The attempts of the run, and those that a check made for itself."""
    attempts = report.measurements.attempts if report.measurements else ()
    yield from attempts
    known = {attempt.name for attempt in attempts}
    for finding in report.findings:
        for remedy in finding.remedies:
            if remedy.name not in known:
                known.add(remedy.name)
                yield Attempt(
                    remedy.name,
                    remedy.title,
                    remedy.status,
                    remedy.measure,
                    remedy.before,
                    remedy.after,
                    detail=remedy.detail,
                    price=remedy.price,
                )


def _given_back(attempt: Attempt) -> float:
    """Rounded, so that what cures as well as another is not put before it by chance."""
    return round(min(attempt.recovered, 1.0), 1) if attempt.recovered is not None else 0.0


def _steadied(attempt: Attempt) -> float:
    """How much of eval mode's scatter goes: what gates all of it comes before what gates a part."""
    if not attempt.measure.startswith("scatter") or attempt.before is None or attempt.after is None:
        return 0.0
    return attempt.before - attempt.after


def _told(attempt: Attempt) -> Treatment:
    assert attempt.before is not None
    assert attempt.after is not None
    figures = [headline(attempt), *attempt.scores, (attempt.measure, attempt.before, attempt.after)]
    unique = {name: (before, after) for name, before, after in figures}
    did = ", ".join(f"{CALLED.get(name, name)} {change(name, *values)}" for name, values in unique.items())
    said = verdict(attempt)
    return Treatment(said, attempt.title, did, _note(attempt, said), attempt.price)


def _note(attempt: Attempt, said: Verdict) -> str:
    """What the word and the figures do not say already."""
    note = attempt.detail
    if attempt.fault and said == "no cure":
        # However well it scores: that is what a reader must know, before how much it gives back.
        return f"because {attempt.fault}"
    note = OTHERS.sub("", note).removeprefix("helps, is no cure").removeprefix(": ")
    if said == "no cure" and note in ("makes it worse", "does nothing", "changes nothing"):
        return f"judged by the {attempt.measure}, which gets no better"
    return "" if note in (said, "changes nothing") or WHOLE.fullmatch(note) else note
