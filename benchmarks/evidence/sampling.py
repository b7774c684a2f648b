"""What a batch's statistics are worth, by Monte Carlo: noise, Bessel's factor, order, a short last batch.

    python benchmarks/evidence/sampling.py

Population statistics are evalcheck's `Moments`, merged over batches; their distance is its `symmetric_kl`.
Known before: the normalised output of a batch of n has an error of 1.5 / n (mean square), so a signal to
noise ratio of 10 log10(n / 1.5) dB; variances of batches miss what lies between batches; torch stores
variances with n / (n - 1) and normalises without, which a chain of L norms makes ((n - 1) / n)^(L / 2).
"""

from __future__ import annotations

import math
from functools import reduce
from operator import add

import torch
from table import EARLIER, Report, mean
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import update_bn

from evalcheck.checkup import trial
from evalcheck.probe.statistics.moments import Moments, symmetric_kl
from evalcheck.remedies import find


def pooled(batches: list[Tensor]) -> Moments:
    """Evalcheck's population statistics of batches (N, C)."""
    return reduce(add, map(Moments.of, batches))


def own_batch(report: Report) -> None:
    known = {2: 0.870, 4: 0.407, 8: 0.194, 16: 0.0956, 32: 0.0482, 128: 0.0124}
    rows, worst = [], 0.0
    for n, before in known.items():
        x = torch.randn(n, 200_000 // n * 4, generator=torch.Generator().manual_seed(n))
        noise = float((F.batch_norm(x, None, None, training=True, eps=1e-12) - x).square().mean())
        worst = max(worst, abs(noise / before - 1))
        told = f"{noise:.4f} (1.5/n: {1.5 / n:.4f}), {10 * math.log10(1 / noise):.1f} dB"
        rows.append((f"n = {n}", told, f"{before:.4f}, {10 * math.log10(n / 1.5):.1f} dB", EARLIER))
    report.table("Error of the normalised output in a batch of n, mean square", rows)
    report.claim(f"agrees with what was measured before to 5 % (worst {worst:.1%})", worst < 0.05)


def divergence_of_samples(report: Report) -> None:
    """What symmetric_kl says of n independent numbers although nothing is wrong: its null."""
    rows, worst = [], 0.0
    for n in (32, 128, 512, 4096):
        x = torch.randn(n, 400_000 // n * 4, generator=torch.Generator().manual_seed(n))
        truth = Moments(1, torch.zeros(x.shape[1]).double(), torch.ones(x.shape[1]).double())
        seen = float(symmetric_kl(Moments.of(x), truth, 0.0).mean())
        worst = max(worst, abs(seen * n - 1) if n >= 128 else 0.0)
        rows.append((f"n = {n}", f"{seen:.5f}", f"{1 / n:.5f}", "1 / n, to first order"))
    report.table("KL of n samples' statistics from the truth", rows)
    report.claim(f"from 128 samples on the null is 1 / n to 4 % (worst {worst:.1%})", worst < 0.04)


def order(report: Report) -> None:
    """Batches of one class, and a short last batch: the population form does not care."""
    draw = torch.Generator().manual_seed(0)
    centres = torch.linspace(-3.5, 3.5, 10)
    x = (centres[:, None] + torch.randn(10, 512, generator=draw)).reshape(-1, 1)
    true = float(x.double().var(correction=0))
    batches = list(x.split(32))
    between = mean(float(batch.var()) for batch in batches)
    ours = float(pooled(batches).var)
    report.table(
        "Variance of data sorted by class",
        [
            ("truth", f"{true:.3f}", "5.996", EARLIER),
            ("mean of batches' variances (update_bn)", f"{between:.3f}", "0.984", EARLIER),
            ("pooled by evalcheck", f"{ours:.3f}", "5.996", EARLIER),
        ],
    )
    report.claim("pooled statistics are exact whatever the order", abs(ours / true - 1) < 1e-6)
    ragged = [torch.randn(128, 1, generator=draw) for _ in range(10)]
    ragged.append(4 + 0.1 * torch.randn(3, 1, generator=draw))
    norm = nn.Sequential(nn.BatchNorm1d(1))
    update_bn(ragged, norm)
    truth = float(torch.cat(ragged).double().mean())
    ours = float(pooled(ragged).mean)
    report.table(
        "Mean where the last batch is short and differs",
        [
            ("truth", f"{truth:.3f}", "-0.014", EARLIER),
            ("torch's update_bn", f"{float(norm[0].running_mean):.3f}", "0.323", EARLIER),
            ("pooled by evalcheck", f"{ours:.3f}", "-0.014", EARLIER),
        ],
    )
    report.remark("the data were drawn anew: the mean of 1,280 normal numbers is not zero to the third digit")
    report.claim("every sample weighs the same", abs(ours - truth) < 1e-6)


def correlated(report: Report) -> None:
    """Pixels of one image are no independent numbers: E[unbiased batch variance] = 1 - rho / N."""
    draw, rho, images, pixels = torch.Generator().manual_seed(1), 0.3, 2, 64
    shape = (images, 20_000, 1, 1), (images, 20_000, 8, 8)
    x = rho**0.5 * torch.randn(shape[0], generator=draw) + (1 - rho) ** 0.5 * torch.randn(
        shape[1], generator=draw
    )
    per_batch = float(x.transpose(0, 1).flatten(1).var(dim=1).mean())
    # The same numbers as 20,000 batches of one channel, merged.
    batches = [x[:, index : index + 1] for index in range(2_000)]
    ours = float(pooled(batches).var)
    n = images * pixels
    effective = n / (1 + (pixels - 1) * rho)
    told = (1 - 1 / effective) * n / (n - 1)
    report.table(
        "Variance of batches of 2 images, correlation 0.3 within an image; truth 1",
        [
            (
                "mean of batches' variances",
                f"{per_batch:.3f} (formula {told:.4f})",
                "0.856 (formula 0.8515)",
                EARLIER,
            ),
            ("pooled by evalcheck", f"{ours:.3f}", "no deficit", EARLIER),
        ],
    )
    report.claim(
        "small batches of correlated pixels lack rho / N of the variance", abs(per_batch - told) < 0.01
    )
    report.claim("pooled statistics have no such deficit", abs(ours - 1) < 0.03)


def chain(report: Report) -> None:
    rows, held = [], True
    for length, size, known in ((20, 64, "0.8543"), (4, 8, "0.7656")):
        model = nn.Sequential(*(nn.BatchNorm1d(8, momentum=1.0, eps=1e-9) for _ in range(length)))
        batches = [torch.randn(size, 8, generator=torch.Generator().manual_seed(seed)) for seed in range(32)]
        with torch.no_grad():
            model.train()(batches[0])
            spread = float(model.eval()(batches[0]).std(0, correction=0).mean())
        expected = ((size - 1) / size) ** (length / 2)
        judged = trial(model, [batches[0]], [torch.cat(batches[1:])])
        mended = find("recalibrate").run(judged).run.rows
        told = float((mended.std(0, correction=0) / batches[0].std(0, correction=0)).mean())
        held &= abs(spread - expected) < 1e-3 and abs(told - 1) < 0.05
        rows.append(
            (
                f"{length} norms, batch {size}",
                f"{spread:.4f} -> {told:.4f}",
                f"{known} (formula {expected:.4f})",
                EARLIER,
            )
        )
    report.table(
        "Bessel's factor through a chain of norms: scale of eval over train mode -> recalibrated", rows
    )
    report.claim("the formula holds, and statistics of many samples are free of it", held)


def main() -> None:
    report = Report(__doc__)
    own_batch(report)
    divergence_of_samples(report)
    order(report)
    correlated(report)
    chain(report)
    report.close()


if __name__ == "__main__":
    main()
