"""How a run ends: the reports are written, what went wrong is said on stderr, the status is returned."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evalcheck import verdict
from evalcheck.complaint import Complaint

if TYPE_CHECKING:
    from pathlib import Path

    from evalcheck.cli.options import Output
    from evalcheck.finding import Report

WIDTH = 100


def say(line: str) -> None:
    """One line to people, on stderr."""
    click.echo(f"evalcheck: {line}", err=True)


def finish(reports: Sequence[Report], output: Output) -> int:
    """Write the reports, each for itself; the exit status of the run is the worst of theirs."""
    if output.baseline is not None:
        from evalcheck.cli import known

        if output.write_baseline:
            line, status = known.write(reports, output)
            _complain(reports)
            say(line)
            return status
        reports, line = known.sift(reports, output)
        if line:
            say(line)
    from evalcheck import reporters

    colored, width = output.file is None and wants_color(output.color), columns()
    texts = [
        reporters.render(
            report, output.format, color=colored, width=width, quiet=output.quiet, verbose=output.verbose
        )
        for report in reports
    ]
    text = _together(texts, output.format)
    put(text, output.file, color=colored, said="" if output.quiet else "the report")
    _complain(reports)
    return max(verdict.exit_status(report, output.fail_on) for report in reports)


def _complain(reports: Sequence[Report]) -> None:
    """What could not be read, and what broke."""
    for report in reports:
        for line in report.unread:
            say(line)
        for fault in report.faults:
            say(f"internal error in {fault}; please report it")


def _together(texts: Sequence[str], format: str) -> str:
    """One text as it is; several with a blank line between them, as one JSON array or as one SARIF log."""
    if format in ("json", "sarif") and len(texts) > 1:
        documents = [json.loads(text) for text in texts]
        log = {**documents[0], "runs": [run for document in documents for run in document.get("runs", ())]}
        whole = log if format == "sarif" else documents
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"
    if format == "github":
        return "".join(texts)
    return "\n".join(text if text.endswith("\n") else f"{text}\n" for text in texts if text)


def wants_color(choice: str) -> bool:
    """Whether stdout gets colours: as told, else if it is a terminal and nothing speaks against it."""
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and sys.stdout.isatty()


def columns() -> int:
    """The width of the terminal, or what stands in for it."""
    return shutil.get_terminal_size((WIDTH, 24)).columns


def put(text: str, file: Path | None, *, color: bool, said: str) -> None:
    """To the file, or else to stdout. ``said`` names what the file holds, for the line that tells of it."""
    if file is None:
        _to_stdout(text, color)
        return
    try:
        file.write_text(text, "utf8", errors="backslashreplace")
    except OSError as error:
        raise Complaint(f"{file} cannot be written ({error.strerror})") from None
    if said:
        say(f"{said} is in {file}")


def _to_stdout(text: str, colored: bool) -> None:
    from evalcheck.reporters.spelling import spelled

    try:
        click.echo(spelled(text, sys.stdout.encoding), nl=False, color=colored)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough. Nothing more may be written, not even at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
