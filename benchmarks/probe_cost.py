"""What a whole check costs, counted in forward passes of the same samples.

    python benchmarks/probe_cost.py

Prints, for the example, the samples that went through the model by mode and pass, the wall time of
`evalcheck.check` beside that of one plain eval pass measured in the same run, and their ratio.
Times vary from machine to machine; the count does not.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path

import torch

import evalcheck

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
LIMIT = 40


def plain_pass(model: torch.nn.Module, batches: list) -> float:
    """Seconds of one eval pass over the batches, the best of five."""
    model.eval()
    times = []
    with torch.no_grad():
        for _ in range(5):
            start = time.perf_counter()
            for inputs, _ in batches:
                model(inputs)
            times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    warnings.simplefilter("ignore")
    sys.path.insert(0, str(EXAMPLES))
    import skeleton

    model = skeleton.build_model()
    batches = list(skeleton.eval_loader())
    counted = 0

    def count(_module: torch.nn.Module, inputs: tuple) -> None:
        nonlocal counted
        counted += len(inputs[0])

    hook = model.register_forward_pre_hook(count)
    evalcheck.check(model, skeleton.eval_loader(), skeleton.train_loader())
    hook.remove()
    samples = sum(len(targets) for _, targets in batches)

    one = plain_pass(model, batches)
    start = time.perf_counter()
    report = evalcheck.check(model, skeleton.eval_loader(), skeleton.train_loader())
    whole = time.perf_counter() - start
    assert report.measurements is not None
    assert report.measurements.conditions is not None
    print(f"samples in the pool            {samples}")
    print(f"samples run through the model  {counted}")
    print(f"forward passes of the pool     {counted / samples:.1f}   (limit {LIMIT})")
    print(f"as the report counts them      {report.measurements.conditions.forwards:.1f}")
    print(f"one plain eval pass            {one * 1e3:.1f} ms")
    print(f"whole check                    {whole * 1e3:.0f} ms   ({whole / one:.0f} times one eval pass)")
    if counted / samples >= LIMIT:
        sys.exit(f"more than {LIMIT} forward passes")


if __name__ == "__main__":
    main()
