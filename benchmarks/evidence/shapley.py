"""Statistic gates against exact Shapley values: which norm's statistics make how much of the difference.

    python benchmarks/evidence/shapley.py

The game: some norms stand on population statistics, the others on their running ones; its worth is the
output, projected on the whole way from eval mode, so that no norm is worth 0 and all of them 1. With six
norms all 64 coalitions are run, so that Shapley's values are exact. Gates cost a few forwards and
backwards at any depth. `completeness` is the sum of the gates' parts, which should be 1; `error` the sum of
what they are off by, over the sum of Shapley's values without their signs. `alone` is each norm repaired by
itself: as exact, but its parts add up to anything. Shapley's values are over 256 images, of which evalcheck
asks 64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from math import comb

import torch
from digits import Images, Net, fit, load, trial
from table import EARLIER, Report, mean
from torch import nn

from evalcheck.probe import Trial

SEEDS, HELD = range(3), 256


def lagging(model: Net) -> None:
    """Nothing more: the momentum of 0.01 that the net was trained with does it."""


def widened(model: Net) -> None:
    model.second.bn.running_var.mul_(4)


def two_bad(model: Net) -> None:
    model.second.bn.running_var.mul_(5)
    model.more[0].bn.running_mean.add_(0.7 * model.more[0].bn.running_var.sqrt())


def never_updated(model: Net) -> None:
    model.third.bn.reset_running_stats()


# Name: the net, what is done to it, and sum and error of gates on whole modes as they were measured before.
CASES: dict[str, tuple[Callable[[], Net], Callable[[Net], None], str]] = {
    "lagging statistics, m = 0.01": (lambda: Net(extra=3, momentum=0.01), lagging, "1.00, .02 (noise only)"),
    "one norm's variance x 4": (lambda: Net(extra=3), widened, "1.01, .02 (one stale)"),
    "two norms off": (lambda: Net(extra=3), two_bad, "1.00, .08 (two bad)"),
    "dropout 0.3 before norms": (lambda: Net(16, "a", 0.3, extra=3), lagging, "1.00, .14 (dropout .3)"),
    "dropout and one norm off": (lambda: Net(16, "a", 0.3, extra=3), widened, "1.00, .09 (dropout + stale)"),
    "one norm reset": (lambda: Net(extra=3), never_updated, "-"),
}


def exact(judged: Trial) -> tuple[dict[str, float], dict[str, float]]:
    """Shapley's values over all coalitions, and what each norm is worth alone."""
    paths, table = list(judged.moments), judged.moments
    start = judged.evaluated.rows
    way = judged.population.per_call.rows - start
    length = float(way.double().square().sum())

    def worth(members: tuple[str, ...]) -> float:
        run = judged.population.on_calls({path: table[path] for path in members})
        return float(((run.rows - start).double() * way).sum()) / length

    count = len(paths)
    value = {frozenset(m): worth(m) for size in range(1, count + 1) for m in combinations(paths, size)}
    value[frozenset()] = 0.0
    shares = {}
    for path in paths:
        others = [p for p in paths if p != path]
        shares[path] = sum(
            (value[frozenset({*m, path})] - value[frozenset(m)]) / (count * comb(count - 1, size))
            for size in range(count)
            for m in combinations(others, size)
        )
    return shares, {path: value[frozenset({path})] for path in paths}


def off(found: Mapping[str, float], truth: Mapping[str, float]) -> float:
    """Relative distance of two attributions, sum of absolute values."""
    return sum(abs(found[p] - truth[p]) for p in truth) / sum(map(abs, truth.values()))


def case(
    make: Callable[[], Net], harm: Callable[[Net], None], seed: int, data: tuple[Images, Images]
) -> dict:
    train, test = data
    model: nn.Module = fit(make(), train, 6, seed=seed)
    with torch.no_grad():
        harm(model)  # type: ignore[arg-type]
    judged = trial(model, test[slice(0, HELD)], train)
    parts, completeness = judged.shares
    truth, alone = exact(judged)
    both = torch.tensor([[parts[p] for p in truth], list(truth.values())])
    return {
        "complete": completeness,
        "error": off(parts, truth),
        "pearson": float(torch.corrcoef(both)[0, 1]),
        "alone": off(alone, truth),
        "sum alone": sum(alone.values()),
        "first": max(parts, key=parts.__getitem__) == max(truth, key=truth.__getitem__),
        "whole": sum(truth.values()),
    }


def main() -> None:
    report = Report(__doc__)
    data = load()
    rows, every = [], []
    for name, (make, harm, before) in CASES.items():
        found = [case(make, harm, seed, data) for seed in SEEDS]
        every += found
        told = {key: mean(one[key] for one in found) for key in found[0]}
        rows.append(
            (
                name,
                f"{told['complete']:.3f}, {told['error']:.3f}, {told['pearson']:.3f}; "
                f"{told['sum alone']:.2f}, {told['alone']:.2f}",
                before,
                EARLIER if before != "-" else "",
            )
        )
    report.table(
        f"Six norms, mean of {len(SEEDS)} seeds",
        rows,
        head="gates: completeness, error, pearson; alone: sum, error",
    )
    report.remark(
        "before: gates that blend whole modes, four points; evalcheck blends statistics, fewer points"
    )
    pearson = sorted(one["pearson"] for one in every)
    firsts = sum(one["first"] for one in every)
    least, most = min(one["whole"] for one in every), max(one["whole"] for one in every)
    report.table(
        "Over all of them",
        [
            ("sum of Shapley's values, least and most", f"{least:.3f}, {most:.3f}", "1", "efficiency"),
            (
                "pearson with Shapley, median and least",
                f"{pearson[len(pearson) // 2]:.3f}, {pearson[0]:.3f}",
                "spearman .87 to .93",
                EARLIER,
            ),
            ("the same norm first", f"{firsts} of {len(every)}", "-", ""),
        ],
    )
    report.claim(
        "Shapley's values add up to 1: the game was run right",
        0.97 < least <= most < 1.03,
    )
    report.claim(
        "completeness is within a tenth of 1 everywhere", all(abs(one["complete"] - 1) < 0.1 for one in every)
    )
    report.claim("the largest share is the same norm's in at least nine of ten", firsts >= 0.9 * len(every))
    report.claim(
        "gates are off by less than repairing norms one by one, on average",
        mean(one["error"] for one in every) < mean(one["alone"] for one in every),
    )
    report.close()


if __name__ == "__main__":
    main()
