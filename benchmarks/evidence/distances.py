"""The debiased distance and its interval, by Monte Carlo on numbers whose truth is known.

    python benchmarks/evidence/distances.py

`spread` and `interval` are evalcheck's. The plain squared distance of the passes' mean is too large by
noise / R; the debiased one is right on average whatever the noise. Samples of one batch share its
statistics, so a test over samples cries wolf; four groups whose batches do not mix do not.
"""

from __future__ import annotations

import torch
from table import EARLIER, Report, mean
from torch import Tensor

from evalcheck.probe.judging import distance

SAMPLES, WIDTH, SIZE = 256, 10, 32


def passes(draw: torch.Generator, bias: Tensor, own: float, shared: float, count: int) -> list[Tensor]:
    """Train-mode outputs around the eval output 0: a bias per sample, noise of its own and of its batch."""
    groups = torch.arange(SAMPLES).split(SAMPLES // 4)
    found = []
    for _ in range(count):
        one = bias + own * torch.randn(SAMPLES, WIDTH, generator=draw)
        for group in groups:
            rows = group[torch.randperm(len(group), generator=draw)]
            for batch in rows.split(SIZE):
                one[batch] += shared * torch.randn(1, WIDTH, generator=draw)
        found.append(one)
    return found


def unbiased(report: Report) -> None:
    rows, held = [], True
    for name, own, shared, size in (
        ("no bias, noise of each sample", 1.0, 0.0, 0.0),
        ("no bias, noise of batches", 0.0, 1.0, 0.0),
        ("small bias, both noises", 0.7, 0.7, 0.02),
        ("large bias, both noises", 0.7, 0.7, 0.3),
    ):
        for count in (2, 4, 8):
            draw = torch.Generator().manual_seed(count)
            found, plain = [], []
            for _ in range(150):
                bias = (size / WIDTH) ** 0.5 * torch.randn(SAMPLES, WIDTH, generator=draw)
                runs = passes(draw, bias, own / WIDTH**0.5, shared / WIDTH**0.5, count)
                zero = torch.zeros(SAMPLES, WIDTH)
                got = distance.spread(runs, zero)
                found.append(float(got.bias.mean()))
                plain.append(distance.squared(got.mean, zero))
            error = float(torch.tensor(found).std()) / len(found) ** 0.5
            # Biases are drawn anew each time: their own spread counts in the error.
            held &= abs(mean(found) - size) < 4 * error + 1e-4
            told = f"{mean(found):.4f} ± {error:.4f}; plain {mean(plain):.4f}"
            noise = own**2 + shared**2
            rows.append(
                (f"{name}, R = {count}", told, f"{size:.4f}; plain {size + noise / count:.4f}", "formula")
            )
    report.table("Debiased squared distance, and the plain one", rows)
    report.claim("unbiased within four standard errors in every row", held)


def reached(report: Report) -> None:
    """How often 95 % intervals hold the truth: from four groups, and from samples as if independent."""
    rows, least = [], 1.0
    for name, shared in (("noise of samples only", 0.0), ("noise of batches only", 1.0), ("both", 0.5)):
        draw = torch.Generator().manual_seed(7)
        hits, naive, trials = 0, 0, 300
        for _ in range(trials):
            bias = (0.3 / WIDTH) ** 0.5 * torch.randn(SAMPLES, WIDTH, generator=draw)
            # A common part: it is what noise of batches can be mistaken for.
            bias += 0.1
            truth = 0.3 + 0.01 * WIDTH
            own = 1.0 if shared < 1 else 0.0
            got = distance.spread(
                passes(draw, bias, own / WIDTH**0.5, shared / WIDTH**0.5, 4), torch.zeros_like(bias)
            )
            groups = list(torch.arange(SAMPLES).split(SAMPLES // 4))
            low, high = distance.interval(got.bias, groups, 1.0) or (0.0, 0.0)
            hits += low <= truth <= high
            centre, error = float(got.bias.mean()), float(got.bias.std()) / SAMPLES**0.5
            naive += abs(centre - truth) <= 1.96 * error
        rows.append(
            (
                name,
                f"{hits / trials:.2f}; over samples {naive / trials:.2f}",
                "0.80 to 1.00, mean 0.93; over samples 0.54 to 0.90 (batches)",
                EARLIER,
            )
        )
        least = min(least, hits / trials)
    report.table("Share of nominal 95 % intervals that hold the truth", rows)
    report.claim("four groups: never below 90 %", least >= 0.9)


def false_alarms(report: Report) -> None:
    """No bias at all: how often a test at 5 % says there is one."""
    draw = torch.Generator().manual_seed(3)
    samples = groups = 0
    trials = 400
    for _ in range(trials):
        one = passes(draw, torch.zeros(SAMPLES, WIDTH), 0.5, 0.5, 1)[0][:, 0]
        samples += abs(float(one.mean())) > 1.96 * float(one.std()) / SAMPLES**0.5
        low, high = distance.interval(one, list(torch.arange(SAMPLES).split(SAMPLES // 4)), 1.0) or (0, 0)
        groups += not low <= 0 <= high
    report.table(
        "False alarms at 5 %",
        [
            ("t test over samples", f"{samples / trials:.1%}", "21 to 60 %", EARLIER),
            ("evalcheck's four groups", f"{groups / trials:.1%}", "4.5 to 5.2 % (over batches)", EARLIER),
        ],
    )
    report.claim(
        "over samples more than 15 %, over groups 3 to 8 %",
        samples > 0.15 * trials and 0.03 * trials <= groups <= 0.08 * trials,
    )


def main() -> None:
    report = Report(__doc__)
    unbiased(report)
    reached(report)
    false_alarms(report)
    report.close()


if __name__ == "__main__":
    main()
