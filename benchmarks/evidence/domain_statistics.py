"""One model, evaluated through other cameras: running statistics against those of the evaluation data.

    python benchmarks/evidence/domain_statistics.py

Wu and Johnson (arXiv 2105.07576, table 4) re-estimate the statistics of one ResNet-50 on corrupted images:
what was lost comes back in large part, and statistics of one domain hurt on another. Here a net trained
on clean digits is evaluated with less contrast, with noise, and brighter. `adapted` is the end of evalcheck's
step "domain": eval mode on the statistics of the evaluated images themselves, or of N other ones.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from digits import Images, Net, error, fit, load, recalibrated, trial
from table import EARLIER, WU, Report, mean, several
from torch import Tensor

SEEDS, NOTHING = range(5), float("nan")


def noisy(x: Tensor) -> Tensor:
    return x + 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(11))


CAMERAS: dict[str, Callable[[Tensor], Tensor]] = {
    "contrast x 0.4": lambda x: 0.4 * x,
    "gaussian noise 0.5": noisy,
    "brighter by 0.7": lambda x: x + 0.7,
    "clean": lambda x: x,
}
# As they are / all target images / 32 of them / 8 of them.
BEFORE = {
    "contrast x 0.4": (77.4, 2.6, 2.9, 5.2),
    "gaussian noise 0.5": (24.2, 16.6, 17.7, 22.2),
    "brighter by 0.7": (41.0, 1.2, 1.4, 3.5),
    "clean": (0.8, 0.8, NOTHING, 3.2),
}
PAPER = {
    "contrast x 0.4": "40.8 / 33.1 (contrast)",
    "gaussian noise 0.5": "64.4 / 52.5 (gaussian)",
    "brighter by 0.7": "40.4 / 36.7 (jpeg)",
    "clean": "- / 23.4",
}


def adapted(model: Net, held: Images, target: Images, size: int = 128) -> float:
    """Test error with the statistics of the target images in the norms."""
    return error(recalibrated(trial(model, held, target, size)))


def main() -> None:
    report = Report(__doc__)
    train, test = load()
    models = [fit(Net(), train, 12, seed=seed) for seed in SEEDS]
    rows, found, taken = [], {}, True
    for name, camera in CAMERAS.items():
        seen, others = test.changed(camera), train.changed(camera)
        trials = [trial(model, seen, train) for model in models]
        own = [t.population.on_calls(t.passes.moments) for t in trials]
        some = {
            count: mean(
                adapted(m, seen, others.shuffled(draw)[slice(0, count)], count)
                for m in models
                for draw in range(4)
            )
            for count in (32, 8)
        }
        found[name] = (mean(error(t.evaluated) for t in trials), mean(map(error, own)), some[32], some[8])
        steps = sum(t.step("domain") is not None for t in trials)
        taken &= steps == (0 if name == "clean" else len(trials))
        rows.append((name, f"{several(found[name])}   {steps}/{len(trials)}", several(BEFORE[name]), EARLIER))
    report.table(
        f"Test error in %, mean of {len(SEEDS)} seeds",
        rows,
        head="as it is / own statistics / of 32 / of 8 images; step taken",
    )
    report.table(
        "The same in the paper, ImageNet-C and ImageNet, top-1 error in %",
        [(name, several(found[name][:2]), PAPER[name], f"{WU}, table 4") for name in CAMERAS],
        head="as it is / own statistics",
    )
    wrong = mean(adapted(m, test, train.changed(CAMERAS["contrast x 0.4"])) for m in models)
    report.table(
        "Clean test images on the statistics of another domain, error in %",
        [("contrast x 0.4", f"{wrong:.1f}", "23.0; paper 39.7 (own: 23.4)", f"{EARLIER}; {WU}, table 4")],
    )
    for name in ("contrast x 0.4", "brighter by 0.7"):
        lost = found[name][0] - found["clean"][0]
        back = found[name][0] - found[name][1]
        report.claim(f"{name}: own statistics give back at least 80 % of what was lost", back > 0.8 * lost)
    report.claim(
        "noise: own statistics help and do not cure, as in the paper",
        found["clean"][0] + 5 < found["gaussian noise 0.5"][1] < found["gaussian noise 0.5"][0],
    )
    report.claim("the step is taken on every changed camera and never on the clean images", taken)
    report.claim("statistics of another domain hurt", wrong > found["clean"][0] + 2)
    report.claim(
        "too few images hurt: 8 clean ones are worse than the running statistics",
        found["clean"][3] > found["clean"][0],
    )
    report.close()


if __name__ == "__main__":
    main()
