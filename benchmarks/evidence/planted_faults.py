"""Planted faults: one norm of nine, or of several, is given wrong statistics. Who finds it?

    python benchmarks/evidence/planted_faults.py

`KL` is evalcheck's root cause: running against population statistics, those collected where the norms in
front use batch statistics. `eval path` is the same collected in eval mode, where damage in front makes
healthy norms look wrong. `gates` is evalcheck's contribution, `repair` the norm whose exact repair brings
the output nearest to that of population statistics: a planted fault that the output hardly feels is rightly
not first there, so gates are judged by agreement with the repair.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from digits import Images, Net, fit, load, trial
from table import EARLIER, Report
from torch import nn

from evalcheck.probe import Trial
from evalcheck.probe.judging import distance
from evalcheck.probe.running import modes
from evalcheck.probe.statistics.collecting import collecting
from evalcheck.probe.statistics.moments import running, symmetric_kl

SEEDS, FELT = range(3), 0.02
Norm = nn.BatchNorm2d


def reset(norm: Norm) -> None:
    norm.reset_running_stats()


def deviation(norm: Norm) -> None:
    norm.running_var.sqrt_()


def shrunk(norm: Norm) -> None:
    norm.running_var.mul_(0.1)


def widened(norm: Norm) -> None:
    norm.running_var.mul_(4)


def shifted(norm: Norm) -> None:
    norm.running_mean.add_(norm.running_var.sqrt())


def permuted(norm: Norm) -> None:
    """Channels in another order, as after pruning or a wrong conversion."""
    order = torch.randperm(len(norm.running_mean), generator=torch.Generator().manual_seed(5))
    norm.running_mean.copy_(norm.running_mean[order])
    norm.running_var.copy_(norm.running_var[order])


def halfway(norm: Norm) -> None:
    """As if the moving average had been stopped early: half of the initial values are left."""
    norm.running_mean.mul_(0.5)
    norm.running_var.mul_(0.5).add_(0.5)


KINDS: tuple[Callable[[Norm], None], ...] = (reset, deviation, shrunk, widened, shifted, permuted, halfway)


def ranked(scores: dict[str, float]) -> list[str]:
    return sorted(scores, key=scores.__getitem__, reverse=True)


def by_root(judged: Trial) -> list[str]:
    return ranked({layer.module: layer.root for layer in judged.layers})


def by_gates(judged: Trial) -> list[str]:
    return ranked({path: abs(part) for path, part in judged.shares[0].items()})


def by_eval_path(judged: Trial) -> list[str]:
    """The same divergence with the inputs that norms get in eval mode."""
    with collecting(judged.norms) as collector:
        judged.run(judged.feed, modes.evaluating, before=collector.restart)
    table = collector.table
    return ranked(
        {p: float(symmetric_kl(running(n), table[p].pooled, n.eps).mean()) for p, n in judged.norms.items()}
    )


def by_repair(judged: Trial) -> list[str]:
    """Exact: one norm at a time on population statistics; the nearer to all of them the better."""
    end, left = judged.population.per_call.rows, {}
    for path, entry in judged.moments.items():
        left[path] = -distance.squared(judged.population.on_calls({path: entry}).rows, end)
    return ranked(left)


def planted(model: nn.Module, kinds: list[Callable[[Norm], None]], paths: list[str]) -> nn.Module:
    """A copy of the model with these faults in these norms."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for kind, path in zip(kinds, paths, strict=True):
            kind(model.get_submodule(path))  # type: ignore[arg-type]
    return model


def single(report: Report, models: list[nn.Module], train: Images, test: Images) -> None:
    """Every kind in three norms of every net."""
    rows, total = [], {"KL": 0, "eval path": 0, "felt": 0, "agree": 0, "all": 0}
    for kind in KINDS:
        counts = dict.fromkeys(total, 0)
        for seed, model in enumerate(models):
            names = [name for name, module in model.named_modules() if isinstance(module, Norm)]
            for path in names[seed::3]:
                judged = trial(planted(model, [kind], [path]), test[slice(0, 256)], train)
                size = (
                    distance.squared(judged.population.per_call.rows, judged.evaluated.rows) / judged.way.unit
                )
                counts["all"] += 1
                counts["KL"] += by_root(judged)[0] == path
                counts["eval path"] += by_eval_path(judged)[0] == path
                if size > FELT:
                    counts["felt"] += 1
                    counts["agree"] += by_gates(judged)[0] == by_repair(judged)[0]
        total = {key: total[key] + counts[key] for key in total}
        rows.append((kind.__name__, told(counts), "-", ""))
    rows.append(("all", told(total), "KL 1.00; gates 1.00", EARLIER))
    report.table(
        f"One fault in nine norms, {len(models)} nets", rows, head="KL first; on eval path; gates as repair"
    )
    report.remark(
        f"gates and repair are compared where the output feels the fault: more than {FELT} of its variance"
    )
    report.claim("KL names the planted norm first in at least 95 %", total["KL"] >= 0.95 * total["all"])
    report.claim("KL on the eval path finds fewer", total["eval path"] < total["KL"])
    report.claim("gates agree with exact repair in at least 90 %", total["agree"] >= 0.9 * total["felt"])


def told(counts: dict[str, int]) -> str:
    every = counts["all"]
    return f"{counts['KL']}/{every}; {counts['eval path']}/{every}; {counts['agree']}/{counts['felt']}"


def several_at_once(report: Report, models: list[nn.Module], train: Images, test: Images) -> None:
    """k faults of mixed kinds: how many of the first k named are planted ones."""
    draw, rows, found = torch.Generator().manual_seed(9), [], {}
    for k in (1, 2, 3):
        hits, every = {"KL": 0, "eval path": 0, "gates": 0}, 0
        for model in models:
            names = [name for name, module in model.named_modules() if isinstance(module, Norm)]
            for _ in range(4):
                paths = [names[i] for i in torch.randperm(len(names), generator=draw)[:k]]
                kinds = [KINDS[i] for i in torch.randint(len(KINDS), (k,), generator=draw)]
                judged = trial(planted(model, kinds, paths), test[slice(0, 256)], train)
                every += k
                orders = {"KL": by_root(judged), "eval path": by_eval_path(judged), "gates": by_gates(judged)}
                for name, order in orders.items():
                    hits[name] += len({*order[:k]} & {*paths})
        found[k] = {name: count / every for name, count in hits.items()}
        rows.append(
            (
                f"{k} planted",
                " / ".join(f"{share:.2f}" for share in found[k].values()),
                "1.00 / .15 to .65 / .65 to .93",
                EARLIER,
            )
        )
    report.table(
        "Several faults: share of the first k that are planted ones", rows, head="KL / on eval path / gates"
    )
    report.claim("KL finds at least 95 % of them", all(one["KL"] >= 0.95 for one in found.values()))


def main() -> None:
    report = Report(__doc__)
    train, test = load()
    models = [fit(Net(extra=6), train, 10, seed=seed) for seed in SEEDS]
    single(report, models, train, test)
    several_at_once(report, models, train, test)
    report.close()


if __name__ == "__main__":
    main()
