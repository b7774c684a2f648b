"""Parses one file and asks the rules that its bytes could concern."""

from __future__ import annotations

from collections.abc import Sequence

from evalcheck import checks, engine, rulebook
from evalcheck.engine import Answers
from evalcheck.linting.plain import packed
from evalcheck.linting.sweep import Payload
from evalcheck.settings import Settings
from evalcheck.source import Project, SourceFile, reading
from evalcheck.source.lines import Lines
from evalcheck.source.notebook import skipped_cells
from evalcheck.source.triggers import Triggers
from evalcheck.suppression import drop, sift

# The files and the folders that an answer depends on, beside the file itself.
Consulted = tuple[list[str], list[str]]


class Examiner:
    """Asks the source rules about the files of one project."""

    def __init__(self, settings: Settings, roots: Sequence[str]) -> None:
        self._settings = settings
        self._project = Project(tuple(roots), settings.frameworks)

    def load(self) -> None:
        """Load the checks of all rules, which else happens when the first file concerns them."""
        for rule in self._settings.rules():
            if "source" in rule.layers:
                checks.find("source", rule.name)

    def close(self) -> None:
        """Let go of the files that are still open."""
        self._project.close()

    def file(self, path: str, data: bytes, names: Sequence[str]) -> tuple[Payload | None, Consulted]:
        """What the named rules say of a file of Python."""
        self._project.begin()
        try:
            file = self._project.take(path, data)
        except reading.Unreadable as reason:
            return ([], [], [], [str(reason)]), ([], [])
        return self._payload(file, names), self._consulted(file)

    def notebook(self, path: str, data: bytes, triggers: Triggers) -> tuple[Payload | None, Consulted]:
        """What the rules say of a notebook: its cells are one text, to which the triggers are put."""
        self._project.begin()
        try:
            file = self._project.take_notebook(path, data)
        except reading.Unreadable as reason:
            return ([], [], [], [str(reason)]), ([], [])
        payload = self._payload(file, triggers.concerned(file.text.encode()))
        skipped = skipped_cells(file)
        if skipped:
            findings, gaps, faults, unread = payload or ([], [], [], [])
            payload = findings, gaps, faults, [*unread, *skipped]
        return payload, self._consulted(file)

    def _payload(self, file: SourceFile, names: Sequence[str]) -> Payload | None:
        ignored = self._settings.ignored_in(file.origin)
        answers = ask(file, [name for name in names if name not in ignored], self._settings)
        kept, idle = sift(engine.conclude(answers, self._settings), file.text, file.lines, self._settings)
        findings = drop([*kept, *idle], self._look)
        gaps = list(dict.fromkeys(answers.gaps))
        if not (findings or gaps or answers.faults):
            return None
        return [packed(f) for f in findings], [packed(g) for g in gaps], answers.faults, []

    def _look(self, path: str) -> tuple[str, Lines] | None:
        """Another file of the project, of which this one showed a fault: its own comments count."""
        there = self._project.known(path)
        return (there.text, there.lines) if there else None

    def _consulted(self, file: SourceFile) -> Consulted:
        others = self._project.consulted - {file.origin}
        return sorted(others), sorted(self._project.imports.listed)


def ask(file: SourceFile, names: Sequence[str], settings: Settings) -> Answers:
    """What the named rules see in a file."""
    answers = Answers()
    rules = [rulebook.load()[name] for name in names]
    engine.ask(answers, settings, "source", file, checks.find, rules)
    return answers
