"""Give every call of a shared norm running statistics of its own, as a norm per branch would have.

Statistics for normalisation, for the stored population and for the test must be taken over the same
grouping of inputs (Wu and Johnson, arXiv 2105.07576, table 5).
"""

from __future__ import annotations

from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.remedies.outcome import Outcome

TITLE = "giving each call statistics of its own (a norm per branch)"


def run(trial: Trial) -> Outcome:
    """Eval mode on the held samples, each call of each norm on its own statistics from the feed."""
    if not trial.population.shared:
        raise Unanswerable("no norm is called more than once")
    return Outcome(trial.population.per_call)
