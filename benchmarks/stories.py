"""Seconds that each story takes: training, where it keeps weights, and evalcheck's whole report.

    python benchmarks/stories.py [--train]

Prints one line for each file of `examples/`: seconds of `evalcheck FILE.py:build_model` as a process of
its own, its exit status, and with `--train` the seconds of training anew, the share of right answers in
eval mode of the weights that are kept, and that of the new ones. Nothing in `examples/` is changed.
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LIMIT = 30.0


def reported(file: Path) -> tuple[float, int]:
    """Seconds and exit status of evalcheck on the model of a file."""
    command = [sys.executable, "-m", "evalcheck", f"{file}:build_model"]
    begun = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)
    return time.perf_counter() - begun, done.returncode


@torch.no_grad()
def right(model: nn.Module, example: ModuleType) -> float:
    """The share of the evaluation loader that the model names rightly in eval mode."""
    torch.manual_seed(0)
    model.eval()
    answers = [(model(inputs).argmax(1) == targets).float() for inputs, targets in example.eval_loader()]
    return torch.cat(answers).mean().item()


def trained(example: ModuleType) -> tuple[float, float, float]:
    """Seconds of training, right answers of the kept weights and of the new ones."""
    kept = right(example.build_model(), example)
    source = getattr(example, "WEIGHTS", None)
    if source is None:
        return 0.0, kept, kept
    example.WEIGHTS = EXAMPLES / "no weights are kept here.pt"
    begun = time.perf_counter()
    try:
        model = example.build_model()
    finally:
        example.WEIGHTS = source
    return time.perf_counter() - begun, kept, right(model, example)


def main() -> None:
    train = "--train" in sys.argv[1:]
    sys.path.insert(0, str(EXAMPLES))
    heading = f"{'story':<18}{'report s':>9}{'exit':>6}"
    print(heading + (f"{'training s':>12}{'kept':>8}{'anew':>8}" if train else ""))
    slowest = 0.0
    for file in sorted(EXAMPLES.glob("*.py")):
        seconds, status = reported(file)
        slowest = max(slowest, seconds)
        line = f"{file.stem:<18}{seconds:>9.1f}{status:>6}"
        if train:
            took, kept, anew = trained(importlib.import_module(file.stem))
            line += f"{took:>12.1f}{kept:>8.3f}{anew:>8.3f}"
        print(line, flush=True)
    print(f"slowest report: {slowest:.1f} s (limit {LIMIT:g} s)")


if __name__ == "__main__":
    main()
