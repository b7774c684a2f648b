"""What the probe measured, as plain numbers: no tensors, no torch.

Divergences are squared differences of outputs in units of the output's own variance over
samples (``docs/measuring.md`` says how they are measured): 0 is no difference,
1 is a difference as large as the spread of the outputs themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


def of(value: float, whole: str) -> str:
    """A size for people: ``84% of the output's variance``, ``56 times the output's variance``."""
    if value >= 3:
        return f"{value:.0f} times {whole}"
    return f"{value:.1%} of {whole}" if value < 0.1 else f"{value:.0%} of {whole}"


@dataclass(frozen=True, slots=True)
class Score:
    """How good the outputs are against the targets, in eval mode and in the reference.

    The reference is train mode without its noise: norms on batch statistics, dropout off. ``scale``
    is what a difference is large or small against: 1 for cross entropy, the targets' variance for
    squared errors, the reference itself for a metric. ``error`` is the standard error of ``harm``,
    from batch to batch and from sample to sample; ``train`` the mean over passes in train mode with its
    noise, and ``train_error`` the standard error of what is lost against that.
    ``higher_is_better`` is None for a metric that does not say: it is shown, and judges nothing.
    """

    name: str
    higher_is_better: bool | None
    eval: float
    reference: float
    samples: int
    scale: float = 1.0
    error: float = 0.0
    train: float | None = None
    train_error: float = 0.0

    @property
    def harm(self) -> float:
        """By how much eval is worse than the reference; negative where it is better."""
        return self._worse_than(self.reference)

    @property
    def lost(self) -> float:
        """What eval mode loses against the better of the two: what is shown of it."""
        return max(self.harm, self.harm_against_train)

    @property
    def harm_against_train(self) -> float:
        """By how much eval is worse than train mode with all its noise, which is a low bar."""
        return self._worse_than(self.eval if self.train is None else self.train)

    @property
    def is_heavy(self) -> bool:
        """Whether accuracy falls by a tenth, beyond chance, however little the outputs move."""
        return self.name == "accuracy" and self.harm > max(0.1, 2 * self.error)

    def _worse_than(self, other: float) -> float:
        if self.higher_is_better is None:
            return 0.0
        return other - self.eval if self.higher_is_better else self.eval - other

    def hurts(self, threshold: float) -> bool:
        """Whether eval is worse by more than ``threshold`` of the scale, and more than chance explains."""
        least = threshold * self.scale
        return any(
            harm > max(least, 2 * error)
            for harm, error in ((self.harm, self.error), (self.harm_against_train, self.train_error))
        )


@dataclass(frozen=True, slots=True)
class OutputReading:
    """One leaf of a structured output, ``width`` numbers a sample: its distance between the modes.

    ``total`` and ``noise`` are as in :class:`Divergence`, in units of the leaf's own variance.
    """

    path: str
    total: float
    noise: float
    width: int


@dataclass(frozen=True, slots=True)
class Flips:
    """Class scores of eval mode against those of train mode's mean.

    ``share`` of the most probable classes that differ, with its 95 % interval; ``kl`` is the symmetrised
    Kullback-Leibler divergence of the probabilities, in nats.
    """

    share: float
    interval: tuple[float, float]
    kl: float


@dataclass(frozen=True, slots=True)
class Divergence:
    """Squared distance between eval mode and the mean of train mode, debiased.

    ``noise`` is the variance of one train pass around that mean: dropout and batch statistics
    at work, no fault. ``fixable`` is the part from eval mode to eval mode on the data's statistics,
    ``intrinsic`` the part from there to train mode's mean, which small batches and dropout make and no
    statistics mend; the two are squared distances and need not add up to ``total``. ``limit`` is the
    smallest ``total`` that these batches can tell from zero. ``interval`` is a 95 % interval from disjoint
    groups of samples, None with too few samples. ``fixable`` and ``intrinsic`` are None where they were not
    asked, and where batch norms are inside scripted modules. ``flips`` is None where the output chooses no
    class; ``outputs`` are the leaves of an output that has several.
    """

    total: float
    noise: float
    limit: float
    interval: tuple[float, float] | None
    passes: int
    samples: int
    loader: str
    fixable: float | None = 0.0
    intrinsic: float | None = 0.0
    flips: Flips | None = None
    outputs: tuple[OutputReading, ...] = ()


@dataclass(frozen=True, slots=True)
class Cause:
    """One step on the way from eval mode to train mode, and its size in output variance.

    ``recovers`` is what the step gives back of the score, 0 where chance may explain it. ``interval`` is a
    95 % interval of the size, None with too few samples; ``modules`` are those that
    the step comes from, the main one first, empty where the step is not material or nothing tells.
    """

    name: str
    title: str
    size: float
    threshold: float
    recovers: float | None = None
    interval: tuple[float, float] | None = None
    modules: tuple[str, ...] = ()

    @property
    def material(self) -> bool:
        return self.size > self.threshold

    @property
    def placed(self) -> str:
        """The title with its main module: ``dropout before a batch norm ('head.1')``."""
        return f"{self.title} ({self.modules[0]!r})" if self.modules and self.modules[0] else self.title


@dataclass(frozen=True, slots=True)
class LayerReading:
    """One norm: how wrong its statistics are, and what that does to the output.

    ``root`` is the symmetrised Gaussian KL divergence between the running statistics and those
    of the data, mean over channels, on the batch-statistics path; with several calls per forward
    it is that of the worst call. ``stale`` is that of the running statistics from what training's
    moving average would tend to under today's weights. ``share`` is the part of the output's
    divergence that the layer's statistics cause (None where it was not attributed). ``between`` is
    the KL divergence between the statistics of the calls. ``exact`` is the part of the way to the data's
    statistics that repairing this norm alone goes (None unless asked for).

    ``momentum`` is that of train mode. ``residual`` is the share of the statistics that is still mean 0 and
    variance 1, fitted over channels, and ``unexplained`` what the fit leaves of what is wrong;
    ``residual_expected`` is (1 - momentum)^n after n counted calls. ``dropout_ratio`` is the variance of the
    norm's input with the noise of train mode over that without, ``dropout_predicted`` the same in closed form
    for the dropout of rate ``dropout_rate`` at ``dropout`` (None where the way is not recognised). ``domain``
    is the KL divergence of its inputs in evaluation from those in training, ``n_eff`` how many independent
    values a batch's statistics are worth, and ``noise`` = 1.5 / n_eff the squared noise that this puts on a
    normalised value. What finite pools leave of divergence is taken off ``root``, ``stale`` and ``domain``.
    """

    module: str
    kind: str
    calls: int
    samples_per_channel: float
    root: float
    stale: float = 0.0
    between: float = 0.0
    share: float | None = None
    exact: float | None = None
    momentum: float | None = None
    residual: float | None = None
    residual_expected: float | None = None
    unexplained: float | None = None
    dropout_ratio: float | None = None
    dropout_predicted: float | None = None
    dropout: str | None = None
    dropout_rate: float | None = None
    domain: float | None = None
    n_eff: float | None = None
    noise: float | None = None


@dataclass(frozen=True, slots=True)
class StochasticReading:
    """One module that draws, or does otherwise, in train mode: what part of its noise and bias it makes.

    ``rate`` is its own (None where it has none). ``noise_share`` is its part of the variance from pass to
    pass, ``bias_share`` of the distance between train mode's mean and eval mode that no norm accounts for
    (None where there is no such distance). ``exact`` is the variance that it makes alone, as a part of that
    of all of them together (None unless asked for).
    """

    module: str
    kind: str
    rate: float | None
    noise_share: float
    bias_share: float | None = None
    exact: float | None = None


@dataclass(frozen=True, slots=True)
class GradientNoise:
    """The gradient noise scale in samples, tr(Sigma) / |G|^2, with its 95 % interval.

    From gradients of groups of ``group`` samples and of all ``samples``.
    """

    scale: float
    interval: tuple[float, float]
    group: int
    samples: int


@dataclass(frozen=True, slots=True)
class Attempt:
    """A remedy tried on the model and judged on samples that did not feed it, or advice that takes training.

    ``before`` and ``after`` are values of ``measure``: the score that people read first, or what the remedy
    is against. ``scores`` are all scores as (name, before, after), ``divergence`` the distances from train
    mode without its noise. ``recovered`` is the share that is given back of what eval mode loses, negative
    where it hurts, None where nothing was lost that could be. ``price`` is what else the remedy changes,
    ``detail`` what was measured or published, and ``fault`` what makes it no cure however good its score is
    (the end of ``detail`` too), each a sentence for people, without a full stop.
    """

    name: str
    title: str
    status: Literal["proved", "failed", "untried"]
    measure: str = ""
    before: float | None = None
    after: float | None = None
    scores: tuple[tuple[str, float, float], ...] = ()
    divergence: tuple[float, float] | None = None
    recovered: float | None = None
    detail: str = ""
    price: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was run: enough to run it again."""

    device: str
    samples: int
    batch_size: int
    batches: int
    passes: int
    seed: int
    forwards: float
    seconds: float
    loader: str
    train_loader: str | None


@dataclass(frozen=True, slots=True)
class Measurements:
    """All that the probe measured, for the report's first lines, its tables and the JSON."""

    divergence: Divergence | None = None
    scores: tuple[Score, ...] = ()
    causes: tuple[Cause, ...] = ()
    layers: tuple[LayerReading, ...] = ()
    stochastic: tuple[StochasticReading, ...] = ()
    completeness: float | None = None
    attempts: tuple[Attempt, ...] = ()
    gradient_noise: GradientNoise | None = None
    conditions: Conditions | None = None
