"""The source layer alone: what ``evalcheck lint`` does. No torch, none of the user's code is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from evalcheck import engine, reporters
from evalcheck.engine import Answers
from evalcheck.finding import Finding, Gap, Report, Sighting
from evalcheck.linting import plain
from evalcheck.linting.cache import Cache
from evalcheck.linting.sweep import Payload, Sweep
from evalcheck.settings import Settings
from evalcheck.source import Project, reading, walk
from evalcheck.source.lines import Lines
from evalcheck.source.triggers import Triggers

if TYPE_CHECKING:
    from evalcheck.linting.examine import Examiner


def read(
    answers: Answers,
    paths: Sequence[Path],
    settings: Settings,
    within: Callable[[Sighting], bool] = lambda _: True,
) -> tuple[str, ...]:
    """Ask the source rules about every file; returns what could not be read, a line each."""
    from evalcheck.linting.examine import ask

    project, unread, seen = Project(walk.roots(paths), settings.frameworks), list[str](), Answers()
    triggers = _triggers(settings)
    for path in walk.python_files(paths, settings.exclude, settings.root):
        try:
            data = reading.load(path, str(path))
            file = project.take(str(path), data)
        except reading.Unreadable as reason:
            unread.append(str(reason))
        else:
            ignored = settings.ignored_in(path)
            names = [name for name in triggers.concerned(data) if name not in ignored]
            seen.add(ask(file, names, settings))
    seen.sightings = {rule: [s for s in found if within(s)] for rule, found in seen.sightings.items()}
    seen.gaps = list(dict.fromkeys(seen.gaps))
    answers.add(seen)
    return tuple(unread)


def written(path: str) -> tuple[str, Lines] | None:
    """The text and the lines of a file that findings name, for the comments in it."""
    try:
        text = reading.decode(reading.load(path, path), path)
    except reading.Unreadable:
        return None
    return text, Lines(text, path)


def lint(
    paths: Sequence[Path],
    settings: Settings,
    *,
    jobs: int | None = None,
    cache: Cache | None = None,
    force_exclude: bool = False,
) -> Report:
    """Read the files below some paths, with what is known of them from before."""
    files = walk.python_files(paths, settings.exclude, settings.root, force=force_exclude)
    sweep = Sweep(_triggers(settings), partial(_examiner, settings, walk.roots(paths)), cache, jobs)
    found = report(sweep.run(files), ", ".join(str(path) for path in paths))
    return found if files else replace(found, notes=("there is no Python file and no notebook to read",))


def lint_text(path: str, data: bytes, settings: Settings, roots: Sequence[str] = ()) -> Report:
    """Read one file of these bytes, whatever lies on the disk under its path."""
    sweep = Sweep(_triggers(settings), partial(_examiner, settings, tuple(roots)))
    payload = sweep.read(path, data)
    return report([payload] if payload is not None else [], path)


def report(payloads: Sequence[Payload], target: str) -> Report:
    """What some files gave, as one report; what two files say of one place is said once."""
    findings: dict[object, Finding] = {}
    gaps: dict[Gap, None] = {}
    faults, unread = list[str](), list[str]()
    for some, missing, broken, lines in payloads:
        for packed in some:
            finding = cast(Finding, plain.unpacked(packed))
            findings.setdefault((finding.rule, finding.place), finding)
        gaps.update((cast(Gap, plain.unpacked(gap)), None) for gap in missing)
        faults += broken
        unread += lines
    return Report(
        target=target,
        findings=engine.ordered(findings.values()),
        gaps=tuple(gaps),
        faults=tuple(faults),
        unread=tuple(unread),
        render=partial(reporters.render, format="terminal", color=False, width=100),
    )


def _triggers(settings: Settings) -> Triggers:
    return Triggers({rule.name: rule.reads for rule in settings.rules() if "source" in rule.layers})


def _examiner(settings: Settings, roots: tuple[str, ...]) -> Examiner:
    from evalcheck.linting.examine import Examiner

    return Examiner(settings, roots)
