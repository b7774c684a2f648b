"""The source layer alone: what ``evalcheck lint`` does. No torch, none of the user's code is run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from evalcheck import checks, engine, reporters
from evalcheck.engine import Answers
from evalcheck.finding import Report, Sighting
from evalcheck.settings import Settings
from evalcheck.source import read_project


def read(
    answers: Answers,
    paths: Sequence[Path],
    settings: Settings,
    within: Callable[[Sighting], bool] = lambda _: True,
) -> tuple[str, ...]:
    """Ask the source rules about every file; returns what could not be read, a line each."""
    project = read_project(paths, settings.exclude)
    seen = Answers()
    for file in project.files:
        engine.ask(seen, settings, "source", file, checks.find)
    seen.sightings = {rule: [s for s in found if within(s)] for rule, found in seen.sightings.items()}
    seen.gaps = list(dict.fromkeys(seen.gaps))
    answers.add(seen)
    return project.unread


def lint(paths: Sequence[Path], settings: Settings) -> Report:
    """Read the files below some paths."""
    answers = Answers()
    unread = read(answers, paths, settings)
    return Report(
        target=", ".join(str(path) for path in paths),
        findings=engine.conclude(answers, settings),
        gaps=tuple(answers.gaps),
        faults=tuple(answers.faults),
        unread=unread,
        render=partial(reporters.render, format="terminal", color=False, width=100),
    )
