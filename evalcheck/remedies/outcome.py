"""What a remedy did, before anybody judges it."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.finding import Unanswerable
from evalcheck.probe.running.runner import Run


class Unprovable(Unanswerable):
    """The remedy applies, and nothing at hand could prove it: it is shown as untried, with the reason."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """What a remedy is against, where that is not the loss of eval mode: gone at or below ``limit``."""

    what: str
    before: float
    after: float
    limit: float

    @property
    def is_gone(self) -> bool:
        return self.after <= self.limit


@dataclass(frozen=True, slots=True)
class Outcome:
    """The held samples in eval mode under a remedy, none of which fed it.

    ``symptom`` is given where the remedy is against something else than what eval mode loses; then ``run``
    may be missing, and where it is there it shows that no score suffers. ``price`` is what else changes.
    ``circular`` says that the statistics are those of the judged samples themselves: the reference is
    then met by construction, and nothing but a score can prove anything. ``fault`` is what makes it no cure
    however good its score is. ``title`` is said instead of the module's ``TITLE``, where what was done
    depends on the model, and ``told`` is what else was measured. Sentences are without a full stop.
    """

    run: Run | None = None
    symptom: Symptom | None = None
    price: str = ""
    circular: bool = False
    fault: str = ""
    title: str = ""
    told: str = ""
