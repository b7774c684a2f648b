"""Take what is left of the initial values, mean 0 and variance 1, out of the running statistics.

An exponential average that began at (0, 1) holds r (0, 1) + (1 - r) (mean, var) after n batches of data that
stand still, with r = (1 - m)^n: the data's statistics are mean / (1 - r) and (var - r) / (1 - r). The same is
Adam's bias correction (Kingma and Ba, arXiv 1412.6980, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.probe.statistics import residual
from evalcheck.probe.statistics.moments import Moments, running
from evalcheck.remedies.outcome import Outcome

TITLE = "taking the initial values out of the running statistics (by the batch counter, no data needed)"
FITTED = "taking the initial values out of the running statistics (their share fitted on data)"

# A share that is less is no reason for anything; of one that is more nothing is left to work with.
LEAST, MOST = 0.01, 0.999
# The counter is believed where the data's own weight, 1 - r, is within a tenth of what the fit says.
BELIEVED = 0.1
# A variance that would fall below this part of the norm's mean variance is amplified noise.
FLOOR = 1e-3
# Names that are told.
SHOWN = 3


@dataclass(frozen=True)
class _Share:
    """The start's share in one norm, and whether the counter said so."""

    weight: float
    counted: bool


def run(trial: Trial) -> Outcome:
    """Eval mode on the held samples with the repaired norms; the others stay as they are. One forward."""
    if not trial.has_norms:
        raise Unanswerable("there is no batch norm with running statistics")
    shares = {path: share for path in trial.moments if (share := _share(trial, path)) is not None}
    if not shares:
        raise Unanswerable("the initial values are not what is wrong with the running statistics")
    mended = {path: _repaired(running(trial.norms[path]), share.weight) for path, share in shares.items()}

    def mode(model: object) -> None:
        modes.evaluating(trial.model)
        for path, moments in mended.items():
            norm = trial.norms[path]
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.copy_(moments.mean)
            norm.running_var.copy_(moments.var)

    counted = all(share.counted for share in shares.values())
    return Outcome(
        trial.passes.rows(trial.held, mode), title=TITLE if counted else FITTED, told=_told(trial, shares)
    )


def _share(trial: Trial, path: str) -> _Share | None:
    """What is left of the start in one norm; None where that is nothing, or not what is wrong with it."""
    norm, entry = trial.norms[path], trial.moments[path]
    noisy = trial.population.noisy_moments.get(path, entry)
    fit = residual.fitted(norm, noisy.converged, min(entry.per_batch))
    if fit is None or not fit.explains or not LEAST < fit.weight < MOST:
        return None
    told = residual.expected(norm, noisy.momentum)
    if told is not None and abs(told - fit.weight) <= BELIEVED * (1 - fit.weight) and told < MOST:
        return _Share(told, True)
    return _Share(fit.weight, False)


def _repaired(now: Moments, weight: float) -> Moments:
    """The statistics without the start; variances cannot fall below a small part of the norm's mean one."""
    var = (now.var - weight) / (1 - weight)
    least = FLOOR * float(var.clamp_min(0).mean())
    return Moments(1, now.mean / (1 - weight), var.clamp_min(least))


def _told(trial: Trial, shares: dict[str, _Share]) -> str:
    """Which norms were left alone, where some were."""
    left = [path for path in trial.moments if path not in shares]
    if not left:
        return ""
    named = ", ".join(left[:SHOWN]) + (f" and {len(left) - SHOWN} more" if len(left) > SHOWN else "")
    return f"mends {len(shares)} of {len(trial.moments)} norms; left as they are: {named}"
