"""How much of what eval mode loses a run gives back, and whether chance could have done it.

By the loss or the user's metric where there are targets. Else by the distance from train mode without its
noise, free of what its few passes leave in their mean.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from evalcheck.measurement import Score
from evalcheck.probe import Trial
from evalcheck.probe.chain import steps
from evalcheck.probe.judging import distance
from evalcheck.probe.running.runner import Run
from evalcheck.remedies import judged

# A cure gives back at least this much of what eval mode loses; less is called no cure.
CURED = 0.8
# Less than this, in loss or in units of the output's variance, is nothing that needs a cure.
NOTHING = 0.01
# Where the best statistics leave more of the distance than this, all of it counts as lost.
KEPT = 0.25
# Size of the step from shuffled to loaded training batches from which on the order is at fault as well.
ORDER = 0.1
ORDERED = ", if what the order of the training batches gave is counted in"
# The steps that end in eval mode on other statistics, over all held samples.
STATISTICS = ("stale", "dropout", "shared", "domain")


@dataclass(frozen=True, slots=True)
class Given:
    """``gain`` over eval mode with its paired standard ``error``; ``lost`` is what there is to give back.

    Of the score ``what``, or of the distance, in its own units. ``passed`` says that the reference, whose
    batches are noisy, is no better than eval mode; ``ordered`` that the training batches are no shuffle, and
    that what their order gave is counted in; ``kept`` is the share of the distance that no statistics
    give back, which is counted out.
    """

    what: str
    gain: float
    error: float
    lost: float
    passed: bool = False
    ordered: bool = False
    kept: float = 0.0

    @property
    def recovered(self) -> float:
        """The share that is given back; negative where the remedy hurts, 0 where chance may explain it."""
        return self.gain / self.lost if self.lost > 0 and not self.is_chance else 0.0

    @property
    def is_chance(self) -> bool:
        """Whether nothing was shown, one way or the other."""
        return not abs(self.gain) > judged.ERRORS * self.error

    @property
    def is_cure(self) -> bool:
        return self.recovered >= CURED

    @property
    def told(self) -> str:
        """A sentence for people, without a full stop."""
        if self.gain == 0:
            return "changes nothing"
        if self.error == float("inf"):
            return "cannot be told from chance: one batch is too few"
        if self.is_chance:
            return f"makes no difference to the {self.what} that could not be chance"
        if self.gain < 0:
            return "makes it worse"
        if self.passed:
            return "better than train mode, whose batches are noisy"
        share = f"gives back {min(self.recovered, 1):.0%} of the {self.what} that eval mode loses"
        share += ORDERED if self.ordered else ""
        # What rounds to nothing is not worth a word.
        share += f", without the {self.kept:.0%} that no statistics give back" if self.kept >= 0.005 else ""
        return share if self.is_cure else f"helps, is no cure: {share}"


def given(trial: Trial, run: Run) -> Given:
    """What this run over the held samples gives back."""
    judge, gain = trial.judge, judged.gain(trial, trial.evaluated, run)
    if judge is None or gain is None:
        return _distance(trial, run)
    own = max(judge.harm, judge.harm_against_train)
    ordered = _by_order(trial, judge)
    return Given(
        judge.name,
        gain.gain,
        gain.error,
        max(own, _reachable(trial), NOTHING * judge.scale) + ordered,
        own <= NOTHING * judge.scale and not ordered,
        ordered > 0,
    )


def _reachable(trial: Trial) -> float:
    """What eval mode gains by the best statistics on the way to train mode, as far as that is not chance.

    The reference alone would be a low bar: its batches are noisy, and small ones make it worse.
    """
    gains = [judged.gain(trial, trial.evaluated, run) for run in _ends(trial)]
    return max((gain.beyond_chance() for gain in gains if gain is not None), default=0.0)


def _ends(trial: Trial) -> list[Run]:
    """Eval mode on the statistics that each step over statistics ends at."""
    return [step.after[0] for step in trial.steps if step.name in STATISTICS and len(step.after) == 1]


def apart(trial: Trial, run: Run) -> float:
    """Squared distance of a run from train mode without its noise, in units of the output's variance."""
    return max(0.0, float(_squares(trial, run).mean())) / (trial.unit or 1.0)


def _squares(trial: Trial, run: Run) -> Tensor:
    """The same of each sample, (N,) float64, not in units; free of the passes' noise where there are two."""
    passes = [one.rows for one in trial.reference]
    if len(passes) > 1:
        return distance.spread(passes, run.rows).bias
    return (run.rows - steps.mean_of(trial.reference)).double().square().sum(1)


def _distance(trial: Trial, run: Run) -> Given:
    before, after = _squares(trial, trial.evaluated), _squares(trial, run)
    gain = (before - after) / (trial.unit or 1.0)
    error = float(gain.std()) / len(gain) ** 0.5 if len(gain) > 1 else float("inf")
    ordered, whole = _by_order(trial, None), apart(trial, trial.evaluated)
    left = 0.0 if ordered else _left(trial, whole)
    lost = whole - left + ordered
    kept = left / whole if whole > 0 else 0.0
    return Given("distance from train mode", float(gain.mean()), error, lost, ordered=ordered > 0, kept=kept)


def _left(trial: Trial, whole: float) -> float:
    """The distance that the best statistics on the way to train mode leave, where it is a small part.

    Small batches move the reference's mean, and no statistics follow it there. Where that is more than a
    part, a distance that falls proves nothing: the weights may lean on such batches.
    """
    left = min((apart(trial, run) for run in _ends(trial)), default=0.0)
    return left if left <= KEPT * whole else 0.0


def _by_order(trial: Trial, judge: Score | None) -> float:
    """What the training loader's own batches give, and shuffled ones do not: no statistics bring that back.

    Where training batches are no shuffle, the reference of shuffled ones is no full measure of what is lost.
    Of the score that judges; without one, of the distance.
    """
    order = trial.step("order")
    # On training data, whose outputs may vary far more than those of another domain.
    if order is None or not order.size(distance.variance(order.before.rows, order.after[0].rows)) > ORDER:
        return 0.0
    if judge is None:
        return order.size(trial.unit)
    return max(0.0, order.gain(judge.name, bool(judge.higher_is_better)) or 0.0)
