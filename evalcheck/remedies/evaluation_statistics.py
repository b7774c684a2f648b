"""Give the norms statistics of the evaluation data, without letting any sample judge what it fed.

AdaBN (Li et al., arXiv 1603.04779): the target domain's statistics in place of the source's. A few dozen
samples are enough to gain, a few hurt (Schneider et al., arXiv 2006.16971): whether these are enough is
what the trial tells.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe import Pool, Trial
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Run
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.imposing import imposed
from evalcheck.probe.statistics.moments import CallMoments
from evalcheck.remedies import halving, judged
from evalcheck.remedies.outcome import Outcome, Unprovable

TITLE = "giving the evaluation data statistics of its own"

# Statistics of fewer samples are noise; a price needs no more than this of the training data.
LEAST, PRICED = 8, 256


def run(trial: Trial) -> Outcome:
    """Each half of the held samples in eval mode on the statistics of the other half.

    About two forwards of the held samples, and two of up to 256 training samples for the price.
    """
    if not trial.has_norms:
        raise Unanswerable("there is no batch norm with running statistics")
    if not trial.foreign:
        raise Unanswerable("without training data nothing says that the evaluation data is another domain")
    if trial.judge is None:
        raise Unprovable(
            "statistics of the judged data meet the reference whatever they do: only targets could prove it"
        )
    if trial.held.samples < 2 * LEAST:
        raise Unanswerable(f"it takes {2 * LEAST} evaluation samples or more")
    return Outcome(_crossed(trial), price=_price(trial))


def _crossed(trial: Trial) -> Run:
    """Every held sample once, on statistics that it did not feed, rows in the pool's order."""
    (here, index), (there, other) = halving.halves(trial.held)
    one = _on(trial, here, _collected(trial, there))
    two = _on(trial, there, _collected(trial, here))
    return halving.joined([one, two], torch.cat([index, other]))


def _collected(trial: Trial, pool: Pool) -> dict[str, CallMoments]:
    with collecting(trial.norms) as collector:
        trial.passes.rows(pool, modes.batch_statistics, before=collector.restart)
    return collector.table


def _on(trial: Trial, pool: Pool, table: Mapping[str, CallMoments]) -> Run:
    """Eval mode with every call on the statistics that the table has of it."""
    with (
        untouched(trial.model, parameters=False),
        imposed(trial.norms, {path: entry.calls for path, entry in table.items()}) as restart,
    ):
        return trial.passes.rows(pool, modes.evaluating, before=restart)


def _price(trial: Trial) -> str:
    """What the training data pays where it is given these statistics too."""
    feed = trial.feed.first(PRICED)
    own = _on(trial, feed, trial.population.moments)
    moved = judged.change(trial, own, _on(trial, feed, trial.passes.moments))
    free = "keep the training data's statistics beside them, a set for each domain, and nothing changes there"
    return f"on the training data {moved} with these statistics: {free}" if moved else free
