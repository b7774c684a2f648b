"""``evalcheck lint PATH...``: reads source; never imports torch or the user's code."""

from __future__ import annotations

import functools
import operator
from pathlib import Path

import click

from evalcheck.cli import options
from evalcheck.cli.ending import finish
from evalcheck.cli.options import Choice, Output
from evalcheck.complaint import Complaint


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@options.rules
@options.output
def command(paths: tuple[Path, ...], choice: Choice, output: Output) -> None:
    """Read source files and folders for faults. Needs no torch and runs none of the code."""
    from evalcheck import checkup, settings

    for path in paths:
        if not path.exists():
            raise Complaint(f"{path} does not exist")
    # Files of several projects are each read under their own settings.
    projects: dict[Path | None, list[Path]] = {}
    for path in paths:
        file = choice.config or settings.locate(path if path.is_dir() else path.parent)
        projects.setdefault(file, []).append(path)
    reports = [checkup.lint(together, choice.settings(together[0])) for together in projects.values()]
    click.get_current_context().exit(finish([functools.reduce(operator.add, reports)], output))
