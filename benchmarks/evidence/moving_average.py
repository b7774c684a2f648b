"""Moving averages by Monte Carlo: what is left of the initial values, and how many batches they average.

    python benchmarks/evidence/moving_average.py

With momentum m (PyTorch's: the weight of the new batch) n updates leave r = (1 - m)^n of the initial 0 and
1; on data that do not change, mean / (1 - r) and (var - r) / (1 - r) are the data's. The average is worth
(2 - m) / m batches. Real norms are fed normal numbers; r is what evalcheck fits without looking at the
counter.
"""

from __future__ import annotations

import math

import torch
from table import EARLIER, Report, mean
from torch import nn

from evalcheck.probe.statistics.moments import Moments, running
from evalcheck.probe.statistics.residual import expected, fitted

MEAN, DEVIATION, SIZE, CHANNELS = 3.0, 2.0, 64, 512


def fed(momentum: float, updates: int, seed: int = 0) -> nn.BatchNorm1d:
    """A norm after so many batches of normal numbers of mean 3 and variance 4."""
    draw = torch.Generator().manual_seed(seed)
    norm = nn.BatchNorm1d(CHANNELS, momentum=momentum)
    with torch.no_grad():
        for _ in range(updates):
            norm(MEAN + DEVIATION * torch.randn(SIZE, CHANNELS, generator=draw))
    return norm


def residual(report: Report) -> None:
    """Evalcheck fits what is left without the counter; then the data's own figures come back."""
    data = Moments.of(
        MEAN + DEVIATION * torch.randn(65536, CHANNELS, generator=torch.Generator().manual_seed(9))
    )
    rows, worst, apart = [], 0.0, 0.0
    for momentum, updates in ((0.1, 3), (0.1, 10), (0.01, 100), (0.01, 20), (0.001, 300)):
        norm = fed(momentum, updates)
        now, known, fit = running(norm), expected(norm, momentum), fitted(norm, data, SIZE)
        assert known is not None
        assert fit is not None
        mended = float(now.mean.mean()) / (1 - known), (float(now.var.mean()) - known) / (1 - known)
        worst = max(worst, abs(mended[0] / MEAN - 1), abs(mended[1] / DEVIATION**2 - 1))
        apart = max(apart, abs(fit.weight - known))
        rows.append(
            (
                f"m = {momentum}, {updates} updates",
                f"{fit.weight:.3f} ({fit.unexplained:.3f}); {float(now.var.mean()):.3f} -> {mended[1]:.3f}",
                f"{known:.3f}; true variance 4",
                "(1 - m)^n",
            )
        )
    report.table(
        "Residual of the initial values", rows, head="fitted r (unexplained); variance, as it is -> mended"
    )
    report.remark(f"{EARLIER}: fitted .750 / .414 / .748 for .745 / .413 / .745; variance 2.902 -> 4.000")
    report.claim(
        f"the fit, which knows no counter, is (1 - m)^n within 0.02 (worst {apart:.3f})", apart < 0.02
    )
    report.claim(f"mended means and variances are the data's to 1 % (worst {worst:.2%})", worst < 0.01)


def updates_needed(report: Report) -> None:
    before = {0.5: 7, 0.1: 44, 0.03: 152, 0.01: 459, 0.001: 4603}
    rows, right = [], True
    for momentum, known in before.items():
        needed = math.ceil(math.log(0.01) / math.log(1 - momentum))
        right &= abs(needed - known) <= 1
        rows.append((f"m = {momentum}", str(needed), str(known), EARLIER))
    report.table("Updates until less than 1 % of the initial values is left", rows)
    report.claim("as known", right)


def effective_batches(report: Report) -> None:
    """The variance of the running mean over channels against that of one batch's mean."""
    rows, worst = [], 0.0
    for momentum, updates, known in ((0.1, 150, "19"), (0.03, 400, "65.7"), (0.01, 1000, "199")):
        one = DEVIATION**2 / SIZE
        seen = one / mean(float(running(fed(momentum, updates, seed)).mean.var()) for seed in range(4))
        expected = (2 - momentum) / momentum
        worst = max(worst, abs(seen / expected - 1))
        rows.append((f"m = {momentum}", f"{seen:.1f}", known, EARLIER))
    report.table("How many batches a moving average is worth, (2 - m) / m", rows)
    report.claim(f"Monte Carlo agrees to 8 % (worst {worst:.1%}; its own error is about 3 %)", worst < 0.08)


def main() -> None:
    report = Report(__doc__)
    residual(report)
    updates_needed(report)
    effective_batches(report)
    report.close()


if __name__ == "__main__":
    main()
