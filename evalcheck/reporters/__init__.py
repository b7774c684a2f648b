"""Report → text, for people and for machines. One module per format, loaded when it is asked for."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evalcheck.finding import Report

CLEAN = "Nothing was found."
FORMATS = ("terminal", "markdown", "concise", "json", "sarif", "github")


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
    text: str = module.render(report, color=color, width=width, quiet=quiet, verbose=verbose)
    return text
