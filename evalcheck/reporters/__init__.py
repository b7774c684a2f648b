"""Report → text, for people and for machines. One module per format, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from evalcheck.finding import Report

FORMATS = ("terminal", "concise", "json")


def render(
    report: Report,
    format: str = "terminal",
    *,
    color: bool = False,
    width: int = 100,
    quiet: bool = False,
    verbose: bool = False,
) -> str:
    """The report in one of :data:`FORMATS`. ``width`` counts columns; machine formats ignore it."""
    module = import_module(f"{__name__}.{format}")
    return cast(str, module.render(report, color=color, width=width, quiet=quiet, verbose=verbose))
