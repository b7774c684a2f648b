"""How much worse eval mode is, score by score, and which score decides."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from evalcheck.measurement import Score
from evalcheck.probe.judging.scoring import GUESSING
from evalcheck.probe.pool import Pool
from evalcheck.probe.running.runner import Run

# The scores that harm is judged by, the surest first, and what is worth a word (of their scale).
JUDGES = ("metric", "loss", "squared error")
NOTABLE = 0.02
# Of the loss of equal probabilities: a model that learned anything is below in one mode at least.
SURE = 0.98
# Between the losses of equal probabilities of two classes and of three, which are float32.
TWO = math.log(2.5)

Directions = Mapping[str, bool | None]


def scores(
    evaluated: Run,
    reference: Sequence[Run],
    trained: Sequence[Run],
    pool: Pool,
    higher: Directions,
    learned: Callable[[], Run] | None = None,
) -> tuple[Score, ...]:
    """Every score in eval mode, in the reference and in train mode; empty without targets that fit.

    A metric that says what is better comes first, one that does not comes last. Targets that no mode
    predicts better than by guessing are none of this output: an autoencoder's loader yields classes too.
    Unless the model has ``learned`` them: a run over training data says so, where there is one. Then it is
    the evaluation data that it can make nothing of.
    """
    runs = [evaluated, *reference, *trained]
    foreign = _guessed(runs) and (learned is None or not _knows(learned()))
    if foreign or _unrelated(runs, pool):
        evaluated = Run(evaluated.leaves, {k: v for k, v in evaluated.scores.items() if k == "metric"})
    directed = higher["metric"] is not None
    order = ("metric", "accuracy", *JUDGES[1:]) if directed else ("accuracy", *JUDGES[1:], "metric")
    found = [
        _score(name, evaluated, reference, trained, pool, higher[name])
        for name in order
        if all(name in run.scores for run in (evaluated, *reference))
    ]
    # What suffers is told first: an accuracy may stay where the loss does not. A metric is what is asked for.
    return tuple(found if directed else sorted(found, key=lambda score: not score.hurts(NOTABLE)))


def _guessed(runs: Sequence[Run]) -> bool:
    """Whether every run's loss is that of equal probabilities or worse, and no more answers are right."""
    if any(GUESSING not in run.scores for run in runs):
        return False
    guessing = runs[0].mean(GUESSING)
    if guessing < TWO:
        return False  # of two classes, weak signals leave a loss near that of guessing
    least = 2 * math.exp(-guessing)
    return all(run.mean("loss") > SURE * guessing and run.mean("accuracy") < least for run in runs)


def _knows(run: Run) -> bool:
    return GUESSING in run.scores and not _guessed([run])


def _unrelated(runs: Sequence[Run], pool: Pool) -> bool:
    """Whether every run's squared error is that of one constant or more: class numbers are no quantity."""
    if any("squared error" not in run.scores for run in runs):
        return False
    least = SURE * _scale("squared error", pool, 0.0)
    return least > 0 and all(run.mean("squared error") > least for run in runs)


def _score(
    name: str,
    evaluated: Run,
    reference: Sequence[Run],
    trained: Sequence[Run],
    pool: Pool,
    higher: bool | None,
) -> Score:
    there = torch.stack([run.scores[name].double() for run in reference]).mean(0)
    here = evaluated.scores[name].double()
    with_noise = [run.scores[name].double() for run in trained if name in run.scores]
    noisy = torch.stack(with_noise).mean(0) if len(with_noise) == len(trained) else None
    return Score(
        name,
        higher,
        eval=float(here.mean()),
        reference=float(there.mean()),
        samples=pool.samples,
        scale=_scale(name, pool, float(there.mean())),
        error=_error(here - there, pool.batch_size),
        train=float(noisy.mean()) if noisy is not None else None,
        train_error=_error(here - noisy, pool.batch_size) if noisy is not None else 0.0,
    )


def _error(difference: Tensor, size: int) -> float:
    """Standard error of a mean over samples: from batch to batch, and no less than from sample to sample.

    One batch says nothing of the next; of a single sample nothing is known.
    """
    parts = torch.stack([part.mean() for part in torch.split(difference, size)])
    batches = float(parts.std()) / len(parts) ** 0.5 if len(parts) > 1 else 0.0
    samples = float(difference.std()) / len(difference) ** 0.5 if len(difference) > 1 else math.inf
    return max(batches, samples)


def _scale(name: str, pool: Pool, reference: float) -> float:
    """What a difference of the score is large or small against."""
    if name == "squared error":
        targets = [batch.targets.double().flatten() for batch in pool.grouped()]
        return float(torch.cat(targets).var(correction=0))
    return abs(reference) if name == "metric" else 1.0


def judge(found: Sequence[Score]) -> Score | None:
    """The score that harm is judged by: the user's metric if its direction is known, else the loss.

    Where the loss does not suffer and the accuracy does (an undertrained model is wrong with less
    confidence), the accuracy judges.
    """
    directed = {score.name: score for score in found if score.higher_is_better is not None}
    if "metric" in directed:
        return directed["metric"]
    ranked = [directed[name] for name in (*JUDGES, "accuracy") if name in directed]
    return next((score for score in ranked if score.hurts(NOTABLE)), ranked[0] if ranked else None)
