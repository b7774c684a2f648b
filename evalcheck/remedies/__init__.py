"""What can be done: each remedy is tried on the model under guard and judged on samples that did not feed it.

``remedies/<name>.py`` defines ``TITLE`` and ``run(trial)``, the held samples in eval mode with the
remedy applied. Pages of rules name the remedies that fit.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from evalcheck.probe import Trial
from evalcheck.probe.running.runner import Run


class Treatment(Protocol):
    """A module of this room."""

    TITLE: str

    def run(self, trial: Trial) -> Run: ...


def find(name: str) -> Treatment:
    """The remedy of that name."""
    return cast("Treatment", import_module(f"{__name__}.{name.replace('-', '_')}"))
