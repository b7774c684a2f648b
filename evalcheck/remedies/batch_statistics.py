"""Stay in train mode's statistics: norms use those of the batch in eval mode too, a popular advice.

Wu and Johnson (arXiv 2105.07576, figure 5) measure what it costs: with 16 and more samples a batch the error
is 1.1 to 1.5 points above that with population statistics.
"""

from __future__ import annotations

from evalcheck.finding import Unanswerable
from evalcheck.measurement import of
from evalcheck.probe import Trial
from evalcheck.probe.judging import distance
from evalcheck.probe.judging.predictions import Choices
from evalcheck.probe.running.runner import Run
from evalcheck.remedies.outcome import Outcome, Unprovable

TITLE = "using the batch's own statistics in eval mode"

# Of the output's variance, and of the classes: a sample whose answer hangs on its mates by more has another
# fault in place of the first.
SLIGHT, FLIPPED = 1e-4, 1e-3
DEPENDS = "an answer then depends on its batch-mates"


def run(trial: Trial) -> Outcome:
    """The held samples in batches that are mixed twice: their score, and what mates decide. No forward."""
    if not trial.has_norms:
        raise Unanswerable("there is no batch norm with running statistics")
    if len(trial.reference) < 2:
        raise Unanswerable("one pass in train mode says nothing of a sample's mates")
    if trial.judge is None:
        raise Unprovable("the reference is made of the same statistics: only targets could prove it")
    first, second = trial.reference[:2]
    noise = distance.spread([first.rows, second.rows], trial.evaluated.rows).noise
    share, flips = float(noise.mean()) / (trial.unit or 1.0), _flips(first, second)
    size = trial.held.batch_size
    told = f"among other mates a sample's output moves by {of(share, 'its variance')} (batches of {size})"
    if flips:
        told += f", and {flips:.1%} of the classes change"
    price = "a sample that comes alone has no statistics of its own"
    mates = share > SLIGHT or (flips or 0.0) > FLIPPED
    return Outcome(
        first,
        circular=True,
        price=price,
        fault=f"{DEPENDS}: {told}" if mates else "",
        told="" if mates else told,
    )


def _flips(one: Run, two: Run) -> float | None:
    """Share of the classes that differ between the runs; None where the output chooses none."""
    if one.classes is None or two.classes is None or one.classes.shape != two.classes.shape:
        return None
    return Choices(one.classes, two.classes).flips().share
