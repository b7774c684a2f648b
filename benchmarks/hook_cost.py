"""What collecting statistics adds to a pass: read back from the running buffers, or reduced again.

    python benchmarks/hook_cost.py [size of the image]

Prints, for resnet50, densenet121 and efficientnet_b0 (timm, else torchvision, else small networks of our
own), the time of one pass with norms on batch statistics, that with hooks, and their ratio, which
may be 1.2. The second ratio is that of a reduction of our own over every input, for comparison.
On a GPU times are taken between CUDA events.
"""

from __future__ import annotations

import importlib.util
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.guard import untouched
from evalcheck.probe.running import modes
from evalcheck.probe.statistics import collecting as eye

LIMIT = 1.2
ROUNDS, BATCHES, SIZE = 7, 4, 32
NAMES = ("resnet50", "densenet121", "efficientnet_b0")


def overhead(model: nn.Module, batches: list[Tensor], cheap: bool = True) -> tuple[float, float]:
    """Seconds of a plain pass with batch statistics, and the median ratio of a pass that collects.

    The two passes alternate, so that what else the machine does falls on both.
    """
    with untouched(model, parameters=False), torch.no_grad():
        norms = modes.batch_norms(model)
        modes.batch_statistics(model)

        def plain() -> None:
            for batch in batches:
                model(batch)

        def collects() -> None:
            with eye.collecting(norms) as collector:
                for batch in batches:
                    collector.restart()
                    model(batch)
            _ = collector.table

        with dear(not cheap):
            plain()
            collects()
            pairs = [(seconds(plain, batches[0]), seconds(collects, batches[0])) for _ in range(ROUNDS)]
    return min(one for one, _ in pairs), statistics.median(two / one for one, two in pairs)


@contextmanager
def dear(wanted: bool) -> Iterator[None]:
    """Inside, nothing is read back: every input is reduced again."""
    kept = eye.reads_back
    if wanted:
        eye.reads_back = lambda norm: False  # type: ignore[assignment]
    try:
        yield
    finally:
        eye.reads_back = kept


def seconds(run: Callable[[], None], like: Tensor) -> float:
    if not like.is_cuda:
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    first.record()
    run()
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last) / 1e3


def models() -> Iterator[tuple[str, nn.Module]]:
    """The networks of the table, from what is installed."""
    if importlib.util.find_spec("timm"):
        import timm

        yield from ((f"timm {name}", timm.create_model(name)) for name in NAMES)
    elif importlib.util.find_spec("torchvision"):
        import torchvision

        yield from ((name, getattr(torchvision.models, name)(weights=None)) for name in NAMES)
    else:
        yield "own, 8 blocks of 64", stack(8, 64)
        yield "own, 24 blocks of 32", stack(24, 32)


def stack(depth: int, width: int) -> nn.Sequential:
    """Convolution, norm, ReLU, ``depth`` times: the share of norms is that of a resnet's plain blocks."""
    blocks: list[nn.Module] = [nn.Conv2d(3, width, 3, stride=2, padding=1)]
    for _ in range(depth):
        blocks += [nn.Conv2d(width, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def main() -> None:
    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    side = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    print(f"{device}, {BATCHES} batches of {SIZE} at {side} px, median of {ROUNDS} pairs, limit {LIMIT}")
    print(f"{'':24} {'norms':>5} {'plain':>9} {'read back':>10} {'reduced':>8}")
    over = False
    for name, model in models():
        model = model.to(device)
        batches = [torch.randn(SIZE, 3, side, side, device=device) for _ in range(BATCHES)]
        count = sum(isinstance(module, _BatchNorm) for module in model.modules())
        plain, ratio = overhead(model, batches)
        _, other = overhead(model, batches, cheap=False)
        print(f"{name:24} {count:5} {plain:8.3f}s {ratio:10.2f} {other:8.2f}")
        over |= ratio > LIMIT
    if over:
        sys.exit(f"more than {LIMIT} times the plain pass")


if __name__ == "__main__":
    main()
