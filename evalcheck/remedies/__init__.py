"""What can be done: each remedy is tried on the model under guard and judged on samples that did not feed it.

``remedies/<name>.py`` defines ``TITLE`` and ``run(trial)``, which says what became of the held samples;
``RELIEVES = True`` where it is against something else than what eval mode loses, and measures that itself.
Pages of rules name the remedies that fit; names of :mod:`evalcheck.remedies.untried` are advice that takes
training to try.
"""

from __future__ import annotations

from importlib import import_module
from typing import Protocol, cast

from evalcheck.probe import Trial
from evalcheck.remedies.outcome import Outcome


class Treatment(Protocol):
    """A module of this room."""

    TITLE: str

    def run(self, trial: Trial) -> Outcome:
        """Try it. Raises :class:`evalcheck.finding.Unanswerable` where it does not apply."""


def find(name: str) -> Treatment:
    """The remedy of that name."""
    return cast("Treatment", import_module(f"{__name__}.{name.replace('-', '_')}"))
