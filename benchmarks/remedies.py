"""Holds the verdicts on remedies against many fresh samples, and corrects six dropouts in a row.

    python benchmarks/remedies.py [--seeds 4] [--held 512 128 32]

A small net learns a synthetic task with a fault that is known. `evalcheck.check` sees a few held samples and
says of each remedy whether it is proved; then the same remedy is judged on 10,000 samples that nobody has
seen. A verdict is right where both agree; a *false proof* is what must not be, and a remedy *missed* is a
real cure that the few samples could not prove. Statistics of the batch are left out: by rule no cure.
Needs torch alone. Exits with 1 where a remedy is proved that gives back less than 70 % in truth.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

import evalcheck
from evalcheck.checkup import material
from evalcheck.checkup.device import choose
from evalcheck.checkup.examination import trial
from evalcheck.finding import Unanswerable
from evalcheck.measurement import Attempt
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.remedies import find, giving_back

INPUTS, WIDTH, CLASSES, TRAINING, FRESH, BATCH = 20, 48, 5, 1024, 10_000, 64
FAULTS = (
    "healthy", "stale", "very stale", "corrupt", "shifted", "dropout", "dropout at a norm", "tiny batches",
    "other domain", "domain near by",
)  # fmt: skip
# So much less than what counts as a cure is within what few samples can tell.
LEAST = 0.7
Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Task:
    """A trained net with a fault, and its data: held, fresh and training batches."""

    model: nn.Module
    held: Batches
    fresh: Batches
    training: Batches


def task(fault: str, seed: int, held: int) -> Task:
    """The same task and net for every number of held samples."""
    draw = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    mixing = torch.randn(INPUTS, INPUTS, generator=draw) / INPUTS**0.5
    straight, bent = (torch.randn(INPUTS, CLASSES, generator=draw) for _ in range(2))

    def samples(count: int) -> tuple[Tensor, Tensor]:
        x = torch.randn(count, INPUTS, generator=draw) @ mixing * 1.5 + 0.5
        noise = 0.5 * torch.randn(count, CLASSES, generator=draw)
        return x, (x @ straight + 1.5 * x.tanh() @ bent + noise).argmax(1)

    training, fresh, judged = samples(TRAINING), samples(FRESH), samples(held)
    size = 4 if fault == "tiny batches" else BATCH
    model = fit(net(fault), training, size, draw)
    damage(model, fault)
    scale, offset = {"other domain": (0.5, 1.0), "domain near by": (0.9, 0.1)}.get(fault, (1.0, 0.0))
    judged, fresh = ((x * scale + offset, y) for x, y in (judged, fresh))
    return Task(model, batches(judged, BATCH), batches(fresh, 500), batches(training, size))


def net(fault: str) -> nn.Sequential:
    """Three layers with norms, with a dropout before the second or before its norm."""
    momentum = {"stale": 0.003, "very stale": 0.001}.get(fault, 0.1)
    parts = []
    for index, width in enumerate((INPUTS, WIDTH, WIDTH)):
        drop = nn.Dropout(0.4) if index == 1 and fault.startswith("dropout") else nn.Identity()
        linear = nn.Linear(width, WIDTH)
        pair = (linear, drop) if fault == "dropout at a norm" else (drop, linear)
        parts.append(nn.Sequential(*pair, nn.BatchNorm1d(WIDTH, momentum=momentum), nn.ReLU()))
    return nn.Sequential(*parts, nn.Linear(WIDTH, CLASSES))


def fit(model: nn.Module, data: tuple[Tensor, Tensor], size: int, draw: torch.Generator) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(6 if size > 4 else 2):
        for rows in torch.randperm(len(data[0]), generator=draw).split(size):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(data[0][rows]), data[1][rows]).backward()
            optimizer.step()
    return model


def damage(model: nn.Module, fault: str) -> None:
    """Faults that training does not make by itself, in the second norm."""
    norm = [module for module in model.modules() if isinstance(module, nn.BatchNorm1d)][1]
    if fault == "corrupt":
        norm.running_var *= 0.3
    elif fault == "shifted":
        norm.running_mean += 0.15


def batches(data: tuple[Tensor, Tensor], size: int) -> Batches:
    return list(zip(data[0].split(size), data[1].split(size), strict=True))


def on_fresh(made: Task) -> Trial:
    """The same model and the same feed, judged on the fresh samples."""
    place = choose(None, made.model)
    drawn = material.gather(made.model, made.fresh, made.training, place=place, batches=len(made.fresh))
    assert drawn.held is not None
    return Trial(made.model, drawn.held, trial(made.model, made.held, made.training).feed)


def verdicts(fault: str, seed: int, held: int, targets: bool = True) -> Iterator[tuple[str, Attempt, float]]:
    """Each remedy that was tried, whether it was called right, and the share that it gives back in truth.

    Without ``targets`` the check sees inputs alone; the truth is by the loss all the same.
    """
    made = task(fault, seed, held)
    shown = [[(x, y) if targets else x for x, y in pairs] for pairs in (made.held, made.training)]
    report = evalcheck.check(made.model, *shown)
    measured = report.measurements
    tried = [a for a in measured.attempts if a.recovered is not None] if measured is not None else []
    whole = on_fresh(made) if tried else None
    for attempt in tried:
        if attempt.name == "batch-statistics" or whole is None:
            continue
        try:
            run = find(attempt.name).run(whole).run
        except Unanswerable:
            continue
        assert run is not None
        truth, said = giving_back.given(whole, run).recovered, attempt.status == "proved"
        right = said == (truth >= giving_back.CURED)
        yield "right" if right else "false proof" if said else "missed", attempt, truth


def six_dropouts(seed: int) -> tuple[float, float, float]:
    """Loss in eval mode of six layers, a dropout of 0.3 right before each norm: as it is, with every running
    variance corrected in closed form, and where evalcheck corrects it."""
    draw = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    made = task("healthy", seed, 512)
    widths = [INPUTS, *[64] * 6]
    layers = [
        nn.Sequential(nn.Linear(a, b), nn.Dropout(0.3), nn.BatchNorm1d(b), nn.ReLU())
        for a, b in pairwise(widths)
    ]
    x, y = (torch.cat(parts) for parts in zip(*made.training, strict=True))
    model = fit(nn.Sequential(*layers, nn.Linear(64, CLASSES)), (x, y), BATCH, draw)
    probed = trial(model, made.held, made.training)
    found = {}
    for path, expected in probed.population.expected_noise.items():
        quiet = probed.moments[path].pooled.var.float() + probed.norms[path].eps
        found[path] = probed.norms[path].running_var * quiet / (quiet + expected.added)

    def corrected(_: object) -> None:
        modes.evaluating(model)
        for path, variance in found.items():
            probed.norms[path].running_var.copy_(variance)

    everywhere = probed.passes.rows(probed.held, corrected).mean("loss")
    try:
        run = find("dropout-correction").run(probed).run
        fitting = run.mean("loss") if run is not None else probed.evaluated.mean("loss")
    except Unanswerable:
        fitting = probed.evaluated.mean("loss")
    return probed.evaluated.mean("loss"), everywhere, fitting


def held_against_truth(held: int, seeds: int, targets: bool) -> tuple[Counter[str], float]:
    """How many verdicts of each kind, printing those that are not right; and the least that a proved remedy
    gives back in truth."""
    count, worst = Counter[str](), 1.0
    for fault in FAULTS:
        for seed in range(seeds):
            for verdict, attempt, truth in verdicts(fault, seed, held, targets):
                count[verdict] += 1
                worst = min(worst, truth) if attempt.status == "proved" else worst
                if verdict != "right":
                    said = f"{attempt.recovered:.0%} of {held} samples, {truth:.0%} in truth"
                    print(f"  {verdict}: {attempt.name}, {fault}, seed {seed}: {said}", flush=True)
    print(f"{held} held samples{'' if targets else ', no targets'}: {dict(count)}", flush=True)
    return count, worst


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--held", type=int, nargs="+", default=[512, 128, 32])
    wanted = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    found = [held_against_truth(held, wanted.seeds, targets=True) for held in wanted.held]
    whole, worst = sum((count for count, _ in found), Counter[str]()), min(least for _, least in found)
    print(f"together: {dict(whole)}; the least that a proved remedy gives back in truth: {worst:.0%}\n")
    print("Judged by the distance from train mode alone")
    held_against_truth(wanted.held[0], wanted.seeds, targets=False)
    print("\nSix dropouts right before their norms, loss: as it is, all corrected, corrected where it fits")
    for seed in range(wanted.seeds):
        print("  seed {}: {:.2f}  {:.2f}  {:.2f}".format(seed, *six_dropouts(seed)), flush=True)
    sys.exit(worst < LEAST)


if __name__ == "__main__":
    main()
