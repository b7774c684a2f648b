"""Options that several commands share, and what they mean together."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from evalcheck import settings as configuration
from evalcheck.settings import Settings
from evalcheck.verdict import FailOn

Command = Callable[..., Any]

COLORS = ("auto", "always", "never")
FAIL_ON = ("error", "warning", "note", "never")


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rules are asked: the user's words, before a configuration file is found for them."""

    select: tuple[str, ...]
    ignore: tuple[str, ...]
    config: Path | None

    def settings(self, start: Path) -> Settings:
        """The settings that hold for something at ``start``."""
        file = self.config or configuration.locate(start if start.is_dir() else start.parent)
        return configuration.load(file).narrowed(self.select, self.ignore)


@dataclass(frozen=True, slots=True)
class Output:
    """How the report is written, what makes it a failure, and what is known from before.

    ``subjects``, ``select`` and ``ignore`` are the words of the command line: what was asked, about what.
    """

    format: str
    file: Path | None
    color: str
    quiet: bool
    verbose: bool
    fail_on: FailOn
    baseline: Path | None = None
    write_baseline: bool = False
    subjects: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


def loader(command: Command) -> Command:
    """``--loader``."""
    told = "Evaluation batches: ATTR of the target's module, or FILE.py:ATTR."
    return click.option("--loader", metavar="T", help=told)(command)


def budget(command: Command) -> Command:
    """``--budget``."""
    told = "Run the model no more after that time, and say what was not asked."
    return click.option("--budget", type=float, callback=_seconds, metavar="SECONDS", help=told)(command)


def given(command: Command) -> Command:
    """``--checkpoint``, ``--input``, ``--device`` and ``--seed``: what the model is run with."""
    for option in reversed(_given()):
        command = option(command)
    return command


def placed(command: Command) -> Command:
    """``--device`` and ``--seed`` alone."""
    for option in reversed(_given()[-2:]):
        command = option(command)
    return command


def drawn(command: Command) -> Command:
    """``--output``, ``--color``, ``-q`` and ``-v`` of a command that reports no findings."""
    for option in reversed(
        (_file(), *_shown("The drawing only, no legend.", "Nothing is folded; tracebacks of faults."))
    ):
        command = option(command)
    return command


def rules(command: Command) -> Command:
    """``--select``, ``--ignore`` and ``--config``, handed on as ``choice``."""

    def run(*, select: tuple[str, ...], ignore: tuple[str, ...], config: Path | None, **others: Any) -> Any:
        return command(choice=Choice(select, ignore, config), **others)

    return _decorated(
        run,
        command,
        click.option(
            "--select", multiple=True, metavar="RULE|FAMILY", callback=_words, help="Ask only these."
        ),
        click.option(
            "--ignore", multiple=True, metavar="RULE|FAMILY", callback=_words, help="Do not ask these."
        ),
        click.option(
            "--config", type=click.Path(path_type=Path), metavar="FILE", help="Instead of pyproject.toml."
        ),
    )


def output(command: Command) -> Command:
    """``--format``, ``--baseline`` and their like, handed on as ``output``."""

    def run(*, format: str, color: str, quiet: bool, verbose: bool, **others: Any) -> Any:
        baseline, write = others.pop("baseline"), others.pop("write_baseline")
        if write and baseline is None:
            raise click.UsageError("--write-baseline needs --baseline FILE.")
        choice: Choice = others["choice"]
        written = Output(
            format,
            others.pop("output"),
            color,
            quiet,
            verbose,
            others.pop("fail_on"),
            baseline,
            write,
            tuple(str(subject) for subject in others.get("paths") or others.get("targets") or ()),
            choice.select,
            choice.ignore,
        )
        return command(output=written, **others)

    return _decorated(run, command, *_written(), *_baseline(), *_shown())


def _given() -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--checkpoint", type=click.Path(path_type=Path), metavar="FILE", help="Weights to load first."
        ),
        click.option(
            "--input",
            "inputs",
            multiple=True,
            metavar="SPEC",
            help="8x3x32x32 or 8x128:int64<1000; repeatable.",
        ),
        click.option(
            "--device", default="auto", callback=_device, metavar="auto|cpu|cuda[:N]|mps", show_default=True
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=0, show_default=True, help="Of all that is drawn."
        ),
    )


def _file() -> Callable[[Command], Command]:
    return click.option(
        "--output",
        type=click.Path(path_type=Path),
        callback=_writable,
        metavar="FILE",
        help="Write there, not to stdout.",
    )


def _written() -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--fail-on",
            type=click.Choice(FAIL_ON),
            default="warning",
            show_default=True,
            help="When to exit with 1.",
        ),
        click.option(
            "--format",
            default="terminal",
            callback=_format,
            metavar="terminal|concise|json|sarif|github",
            show_default=True,
            help="What is written.",
        ),
        _file(),
    )


def _shown(
    quiet: str = "Findings only, no progress.", verbose: str = "Everything measured; tracebacks of faults."
) -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--color", type=click.Choice(COLORS), default="auto", show_default=True, help="Colours on stdout."
        ),
        click.option("-q", "--quiet", is_flag=True, help=quiet),
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            callback=_verbose,
            help=verbose,
        ),
    )


def _baseline() -> tuple[Callable[[Command], Command], ...]:
    return (
        click.option(
            "--baseline",
            type=click.Path(path_type=Path),
            callback=_writable,
            metavar="FILE",
            help="Do not report the findings that FILE records.",
        ),
        click.option(
            "--write-baseline",
            is_flag=True,
            help="Record what is found in the file of --baseline, and exit with 0.",
        ),
    )


def _decorated(run: Command, command: Command, *options: Callable[[Command], Command]) -> Command:
    run.__doc__ = command.__doc__
    run.__click_params__ = list(getattr(command, "__click_params__", ()))  # type: ignore[attr-defined]
    for option in reversed(options):
        run = option(run)
    return run


def _device(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise click.BadParameter(f"{value!r} is not one of auto, cpu, cuda, cuda:N, mps.")
    return value


def _seconds(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter(f"{value:g} is no number of seconds above 0.")
    return value


def _words(ctx: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(word for item in value for word in (part.strip() for part in item.split(",")) if word)


def _format(ctx: click.Context, parameter: click.Parameter, value: str) -> str:
    # Asked late: the reporters load what they need only where they are used.
    from evalcheck.reporters import FORMATS

    if value not in FORMATS:
        raise click.BadParameter(f"{value!r} is not one of {', '.join(FORMATS)}.")
    return value


def _writable(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Found out before a long run, not after it."""
    if value is not None and (value.is_dir() or not value.absolute().parent.is_dir()):
        raise click.BadParameter(f"{value} is a folder or is in a folder that does not exist.")
    return value


def _verbose(ctx: click.Context, parameter: click.Parameter, value: bool) -> bool:
    ctx.meta["evalcheck.verbose"] = value
    return value
