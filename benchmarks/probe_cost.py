"""What a whole check costs: samples through the model, time, and memory.

    python benchmarks/probe_cost.py [MODEL ...] [--samples 256] [--pixels 64] [--rounds 3]

For each model (resnet50, densenet121, efficientnet_b0 of timm and a BERT of transformers, where they are
installed, and the repository's example) it prints

- forwards: samples that went through the model over those of the evaluation pool, by part. Where they
  went backward too they count three times. The limit is 16, for attribution 5;
- exact: what toggling one norm after the other would cost instead of attribution, a forward for each;
- time: CPU and wall time of `evalcheck.check` over that of one plain eval pass, medians of interleaved runs.
  All layers' work is in it, reading, tracing and rendering too;
- hooks: a pass that collects statistics over the same pass without, limit 1.2 (`hook_cost.py` says more);
- memory: the growth of the process's resident memory over a check, over that of one training step on the
  same batch, each in a process of its own, limit 1.5. On a GPU torch's own count of its peak.

Counts are the same on every machine, times are not. The exit status is 1 where a limit on counts is passed.
With `--device cuda` times are taken between CUDA events.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.modules.batchnorm import _BatchNorm

sys.path.insert(0, str(Path(__file__).resolve().parent))
import hook_cost
import probe_models
from forward_count import counted
from probe_models import Subject

import evalcheck
from evalcheck import checkup
from evalcheck.finding import Unanswerable

LIMIT, LIMIT_ATTRIBUTION, LIMIT_MEMORY = 16, 5, 1.5
BATCH = 32


def plain(subject: Subject) -> None:
    """One eval pass over the pool."""
    subject.model.eval()
    with torch.no_grad():
        for batch in subject.held:
            probe_models.run(subject.model, batch)


def check(subject: Subject) -> evalcheck.Report:
    """The whole of it, as a user calls it."""
    return evalcheck.check(subject.model, subject.held, subject.feed)


def step(subject: Subject) -> None:
    """One training step on the first batch."""
    subject.model.train()
    optimizer = torch.optim.SGD(subject.model.parameters(), lr=0.01, momentum=0.9)
    probe_models.loss(subject.model, subject.feed[0]).backward()
    optimizer.step()


def seconds(work: Callable[[], object], device: str) -> tuple[float, float]:
    """CPU and wall seconds; on a GPU twice the time between two events there."""
    if device.startswith("cuda"):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        return (start.elapsed_time(end) / 1e3,) * 2
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - wall


def timed(subject: Subject, rounds: int, device: str) -> tuple[float, float]:
    """CPU and wall time of a check in plain passes."""
    plain(subject)
    pairs = [
        (seconds(lambda: plain(subject), device), seconds(lambda: check(subject), device))
        for _ in range(rounds)
    ]
    return tuple(  # type: ignore[return-value]
        statistics.median(two[kind] for _, two in pairs) / statistics.median(one[kind] for one, _ in pairs)
        for kind in (0, 1)
    )


def attribution(subject: Subject) -> float | None:
    """Forward passes of the pool that attribution adds to what was measured before it; None without norms."""
    trial = checkup.trial(subject.model, subject.held, subject.feed)
    with contextlib.suppress(Unanswerable):
        _ = trial.steps, trial.layers
    if not trial.norms:
        return None
    _ = trial.divergence, trial.population.per_call
    trial.__dict__.pop("shares", None)
    with counted(subject.model) as count:
        _ = trial.shares
    return count.total / subject.samples


def memory(name: str, args: argparse.Namespace) -> str:
    """A check's growth of memory over a training step's, each measured in a fresh process."""
    grown = []
    for what in ("check", "step"):
        words = [sys.executable, __file__, name, "--measure", what]
        words += [f"--{key}={getattr(args, key)}" for key in ("samples", "pixels", "device")]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode:
            return "failed"
        grown.append(float(done.stdout.split()[-1]))
    return f"{grown[0] / grown[1]:.2f} ({grown[0]:.0f} over {grown[1]:.0f} MiB)"


def measure(subject: Subject, what: str, device: str) -> float:
    """MiB by which one check, or one training step, lifts the peak above what is held before it."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        {"check": check, "step": step}[what](subject)
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = _resident()
    {"check": check, "step": step}[what](subject)
    return max(0.0, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10 - before)


def _resident() -> float:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def report(name: str, args: argparse.Namespace) -> list[str]:
    """Print one model's table; what is above its limit."""
    subject = probe_models.make(name, args.samples, BATCH, args.pixels, args.device)
    with counted(subject.model) as count:
        found = check(subject)
    assert not found.faults, found.faults
    conditions = found.measurements.conditions if found.measurements else None
    told = conditions.forwards if conditions else 0.0
    norms = sum(isinstance(module, _BatchNorm) for module in subject.model.modules())
    shares = attribution(subject)
    print(f"\n### {name}: {subject.samples} samples, {norms} norms\n")
    print("| | forwards of the pool | limit |\n|---|---|---|")
    for part, samples in count.by_part.most_common():
        print(f"| {part} | {samples / subject.samples:.2f} | |")
    total = count.total / subject.samples
    print(f"| **all of it** (the report says {told}) | **{total:.1f}** | {LIMIT} |")
    if shares is not None:
        print(f"| attribution alone | {shares:.2f} | {LIMIT_ATTRIBUTION} |")
        print(f"| exact toggling instead (one forward for each norm) | {norms} | |")
    if args.rounds:
        cpu, wall = timed(subject, args.rounds, args.device)
        print(f"| time of a check in plain eval passes | cpu {cpu:.1f}, wall {wall:.1f} | |")
    if args.rounds and norms and not isinstance(subject.held[0], dict):
        _, ratio = hook_cost.overhead(subject.model, [inputs for inputs, _ in subject.held[:4]])
        print(f"| a pass that collects statistics over the same without | {ratio:.2f} | {hook_cost.LIMIT} |")
    if args.memory:
        print(f"| memory over that of a training step | {memory(name, args)} | {LIMIT_MEMORY} |")
    return _exceeded(name, total, shares)


def _exceeded(name: str, total: float, shares: float | None) -> list[str]:
    found = [f"{name}: {total:.1f} forward passes, limit {LIMIT}"] if total > LIMIT else []
    if shares is not None and shares > LIMIT_ATTRIBUTION:
        found.append(f"{name}: {shares:.1f} forward passes for attribution, limit {LIMIT_ATTRIBUTION}")
    return found


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--pixels", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3, help="of the timing; 0 leaves it out")
    parser.add_argument("--memory", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--measure", choices=("check", "step"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.measure:
        made = probe_models.make(args.models[0], args.samples, BATCH, args.pixels, args.device)
        print(measure(made, args.measure, args.device))
        return
    exceeded = [line for name in args.models or probe_models.names() for line in report(name, args)]
    if exceeded:
        sys.exit("\n".join(exceeded))


if __name__ == "__main__":
    main()
