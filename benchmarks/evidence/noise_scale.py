"""The gradient noise scale on gradients whose truth is known, and on a net against all samples' gradients.

    python benchmarks/evidence/noise_scale.py

B_simple = tr(Sigma) / |G|^2 (McCandlish et al., arXiv 1812.06162). First table: gradients are drawn with a
known covariance and given to evalcheck's estimator in 16 groups of 8. It must be right in the middle, its
interval must hold the truth about as often as it says, and where there is no mean gradient it must refuse.
Second table: a net on digits; the truth is from the gradient of each of the 1,297 images, evalcheck sees 128.
"""

from __future__ import annotations

import torch
from digits import Images, Net, classes, fit, load, trial
from table import EARLIER, Report
from torch import Tensor, nn

from evalcheck.finding import Unanswerable
from evalcheck.measurement import GradientNoise
from evalcheck.probe.scaling.gradient_noise import gram_of, noise_scale
from evalcheck.probe.scaling.scaling import Scaling

TRUTH, WIDTH, GROUPS, SIZE, REPEATS = 44.0, 2000, 16, 8, 300


def drawn(draw: torch.Generator, mean: Tensor, deviation: Tensor) -> GradientNoise | None:
    """Evalcheck's answer on drawn gradients; None where it refuses."""
    found = [mean + deviation * torch.randn(SIZE, WIDTH, generator=draw) for _ in range(GROUPS)]
    try:
        return noise_scale(gram_of(GROUPS, lambda group: [found[group].mean(0)]), SIZE)
    except Unanswerable:
        return None


def known_covariance(report: Report) -> None:
    draw = torch.Generator().manual_seed(0)
    deviation = torch.linspace(0.2, 2.0, WIDTH)
    mean = torch.randn(WIDTH, generator=draw)
    mean *= (float(deviation.square().sum()) / TRUTH) ** 0.5 / float(mean.norm())
    answers = [drawn(draw, mean, deviation) for _ in range(REPEATS)]
    given = [one for one in answers if one is not None]
    values = torch.tensor([one.scale for one in given])
    low, middle, high = (float(values.quantile(q)) for q in (0.25, 0.5, 0.75))
    held = sum(one.interval[0] <= TRUTH <= one.interval[1] for one in given) / len(given)
    none = [drawn(draw, torch.zeros(WIDTH), deviation) for _ in range(REPEATS)]
    refused = sum(one is None for one in none) / REPEATS
    report.table(
        f"True noise scale {TRUTH}, {GROUPS} groups of {SIZE}, {REPEATS} repeats",
        [
            ("median, quartiles", f"{middle:.1f}, {low:.1f} to {high:.1f}", "44.0, 41.4 to 46.2", EARLIER),
            ("95 % intervals that hold the truth", f"{held:.1%}", "95 %", "nominal"),
            ("answers refused", f"{1 - len(given) / REPEATS:.1%}", "-", ""),
            ("refused where the mean gradient is zero", f"{refused:.1%}", "at least 97.5 %", "nominal"),
        ],
    )
    report.claim("the median is within 3 % of the truth", abs(middle / TRUTH - 1) < 0.03)
    report.claim("the interval holds the truth in 90 to 99 %", 0.90 <= held <= 0.99)
    report.claim("without a mean gradient it refuses in at least 95 %", refused >= 0.95)


def exact(model: nn.Module, images: Images) -> float:
    """tr(Sigma) / |G|^2 from every image's own gradient, |G|^2 without bias."""
    weights = list(model.parameters())
    total, squares = 0.0, 0.0
    for x, y in zip(images.x.split(1), images.y.split(1), strict=True):
        parts = torch.autograd.grad(classes(model(x), y), weights)
        flat = torch.cat([part.flatten() for part in parts]).double()
        total, squares = total + flat, squares + float(flat @ flat)
    count = len(images)
    mean = total / count
    noise = (squares - count * float(mean @ mean)) / (count - 1)
    return noise / (float(mean @ mean) - noise / count)


def of_a_net(report: Report) -> None:
    train, test = load()
    rows, hits, asked = [], 0, 0
    for epochs in (1, 2, 4, 12):
        model = fit(Net(), train, 12, seed=1, until=epochs)
        judged = trial(model, test, train.shuffled(8))
        truth = exact(model.eval(), train)
        try:
            got = Scaling(judged.passes, judged.feed).noise
        except Unanswerable as reason:
            rows.append(
                (f"after {epochs} of 12 epochs", f"refused: {str(reason)[:60]}", f"{truth:.0f}", "all images")
            )
            continue
        asked += 1
        hits += got.interval[0] <= truth <= got.interval[1]
        told = f"{got.scale:.0f} ({got.interval[0]:.0f} to {got.interval[1]:.0f})"
        rows.append((f"after {epochs} of 12 epochs", told, f"{truth:.0f}", "all 1,297 images' gradients"))
    report.table("A net on digits, eval mode", rows)
    report.claim("the interval of 128 images holds the figure of all, or it refuses", hits == asked)


def main() -> None:
    report = Report(__doc__)
    known_covariance(report)
    of_a_net(report)
    report.close()


if __name__ == "__main__":
    main()
