"""``evalcheck lint PATH...``: reads source; never imports torch or the user's code."""

from __future__ import annotations

import functools
import operator
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import click

from evalcheck.cli import options
from evalcheck.cli.ending import finish
from evalcheck.cli.options import Choice, Output
from evalcheck.complaint import Complaint
from evalcheck.finding import Report
from evalcheck.settings import Settings


@dataclass(frozen=True, slots=True)
class Manner:
    """How files are read, and whether they are put right."""

    fix: bool
    unsafe_fixes: bool
    diff: bool
    jobs: int | None
    no_cache: bool
    force_exclude: bool

    @property
    def mends(self) -> bool:
        return self.fix or self.diff


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--fix", is_flag=True, help="Make the safe fixes, and report what remains.")
@click.option("--unsafe-fixes", is_flag=True, help="Also the fixes that may change what was meant.")
@click.option("--diff", is_flag=True, help="Show what --fix would change; exit with 1 if that is anything.")
@click.option("--stdin-filename", metavar="NAME", help="Read stdin, as the file of this name.")
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(1),
    help="Processes that share the files; very large trees get all cores.",
)
@click.option("--no-cache", is_flag=True, help="Forget what is known from former runs.")
@click.option("--force-exclude", is_flag=True, help="What the settings exclude is not read if named, either.")
@options.rules
@options.output
def command(
    paths: tuple[Path, ...], choice: Choice, output: Output, stdin_filename: str | None, **manner: object
) -> None:
    """Read source files, notebooks and folders for faults. Needs no torch and runs none of the code.

    A PATH of - is stdin.

    --fix puts right what can be put right without a change of meaning; --diff only shows it.
    """
    how = Manner(**manner)  # type: ignore[arg-type]
    if how.unsafe_fixes and not how.mends:
        raise click.UsageError("--unsafe-fixes needs --fix or --diff.")
    context = click.get_current_context()
    if paths == (Path("-"),):
        paths, stdin_filename = (), stdin_filename or "-"
    if stdin_filename is not None:
        from evalcheck.cli import stdin

        if paths:
            raise click.UsageError("--stdin-filename reads stdin; no PATH can be given beside it.")
        context.exit(stdin.lint(stdin_filename, choice, output, how))
    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.")
    for path in paths:
        if not path.exists():
            raise Complaint(f"{path} does not exist")
    projects = _projects(paths, choice)
    if how.mends:
        from evalcheck.cli import mending

        status = mending.mend(projects, functools.partial(_lint, how=how), output, how)
        if how.diff or status:
            context.exit(status)
    context.exit(finish([_joined(_lint(*project, how=how) for project in projects)], output))


def _projects(paths: Iterable[Path], choice: Choice) -> list[tuple[list[Path], Settings]]:
    """Files of several projects are each read under their own settings."""
    from evalcheck import settings

    together: dict[Path | None, list[Path]] = {}
    for path in paths:
        file = choice.config or settings.locate(path if path.is_dir() else path.parent)
        together.setdefault(file, []).append(path)
    return [(some, choice.settings(some[0])) for some in together.values()]


def _lint(paths: list[Path], settings: Settings, how: Manner) -> Report:
    from evalcheck import checkup
    from evalcheck.linting.cache import Cache, key
    from evalcheck.source import walk

    cache = None
    if not how.no_cache:
        folder = os.fspath(settings.root or Path.cwd())
        cache = Cache(folder, key(settings.said(), walk.roots(paths)))
    return checkup.lint(paths, settings, jobs=how.jobs, cache=cache, force_exclude=how.force_exclude)


def _joined(reports: Iterable[Report]) -> Report:
    return functools.reduce(operator.add, reports)
