"""What recording a forward costs beside the same forward without it.

    python benchmarks/trace_cost.py [--rounds 7] [--only NAME] [--profile]

Plain and recorded forwards of one batch take turns, in eval mode without gradients and in train mode
with them; the medians of their CPU times are compared, in one thread, so that little of what else the
machine does is counted. The models need nothing but torch; those of timm and transformers join where they
are installed.

The limits are by the plain forward's time: up to 20 ms recording may add 10 ms; up to 100 ms the whole
may take 2.3 times the plain forward; above that 1.4 times. A group is held to its median: a model of very
many very small operations costs more, and is counted beside it. The exit status is 1 where a group is above
its limit.
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parent))
from trace_models import Subject, subjects

from evalcheck.graph.recording import tracer
from evalcheck.guard import untouched

TINY, MIDDLE = 20.0, 100.0
EXTRA, RATIO, RATIO_ABOVE = 10.0, 2.3, 1.4
MODES = ("eval", "train")


@dataclass(frozen=True)
class Cost:
    """Medians in milliseconds of one model in one mode, and the nodes that were recorded."""

    name: str
    mode: str
    plain: float
    recorded: float
    nodes: int

    @property
    def extra(self) -> float:
        return self.recorded - self.plain

    @property
    def ratio(self) -> float:
        return self.recorded / self.plain

    @property
    def group(self) -> str:
        return "tiny" if self.plain < TINY else "middle" if self.plain < MIDDLE else "large"


def forwards(subject: Subject, mode: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The plain and the recorded forward of a model in one mode."""
    model = subject.model
    model.train(mode == "train")

    def run(m: nn.Module) -> Any:
        return m(*subject.args, **subject.kwargs)

    def plain() -> None:
        run(model)

    def recorded() -> Any:
        names = {id(module): path for path, module in model.named_modules()}
        state = {id(t): name for name, t in [*model.named_parameters(), *model.named_buffers()]}
        return tracer.record(model, run, "train" if mode == "train" else "eval", names, state)[0]

    return plain, recorded


def timed(work: Callable[[], Any]) -> float:
    """CPU milliseconds of one call; what it leaves is thrown away outside of the clock."""
    gc.collect()
    start = time.process_time()
    result = work()
    taken = (time.process_time() - start) * 1e3
    del result
    return taken


def measure(subject: Subject, mode: str, rounds: int) -> Cost:
    """Both forwards in turns, after one of each that is not counted."""
    plain, recorded = forwards(subject, mode)
    with untouched(subject.model), torch.set_grad_enabled(mode == "train"):
        plain()
        nodes = len(recorded().graph.nodes)
        times = [(timed(plain), timed(recorded)) for _ in range(rounds)]
    one, two = (statistics.median(column) for column in zip(*times, strict=True))
    return Cost(subject.name, mode, one, two, nodes)


def verdicts(costs: list[Cost]) -> Iterator[tuple[str, list[float], float]]:
    """For each group that has models: what is limited, its values, the limit."""
    sizes = {
        f"tiny (below {TINY:.0f} ms), ms more": ("tiny", EXTRA),
        f"middle (to {MIDDLE:.0f} ms), times the plain forward": ("middle", RATIO),
        "large, times the plain forward": ("large", RATIO_ABOVE),
    }
    for told, (group, limit) in sizes.items():
        found = [cost.extra if group == "tiny" else cost.ratio for cost in costs if cost.group == group]
        if found:
            yield told, found, limit


def profile(subject: Subject, mode: str) -> None:
    """Where the time of a recorded forward goes."""
    _, recorded = forwards(subject, mode)
    with untouched(subject.model), torch.set_grad_enabled(mode == "train"):
        recorded()
        with cProfile.Profile() as seen:
            for _ in range(10):
                recorded()
    pstats.Stats(seen).sort_stats("tottime").print_stats(30)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", help="models whose name holds this")
    parser.add_argument("--profile", action="store_true", help="profile instead of timing")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    costs = []
    print(f"{'model':28} {'mode':6} {'plain ms':>9} {'more ms':>8} {'times':>6} {'nodes':>6} {'us/node':>8}")
    for make in subjects():
        subject = make()
        if wanted.only and wanted.only not in subject.name:
            continue
        for mode in MODES:
            if wanted.profile:
                profile(subject, mode)
                continue
            cost = measure(subject, mode, wanted.rounds)
            costs.append(cost)
            each = cost.extra / cost.nodes * 1e3
            print(
                f"{cost.name:28} {mode:6} {cost.plain:9.1f} {cost.extra:8.1f} {cost.ratio:6.2f} "
                f"{cost.nodes:6} {each:8.1f}",
                flush=True,
            )
    above = False
    for told, values, limit in verdicts(costs):
        median = statistics.median(values)
        within = sum(value <= limit for value in values)
        above = above or median > limit
        print(
            f"{told}: median {median:.2f}, limit {limit}: {'above' if median > limit else 'passed'}; "
            f"{within} of {len(values)} within it, the most is {max(values):.2f}"
        )
    if above:
        sys.exit(1)


if __name__ == "__main__":
    main()
