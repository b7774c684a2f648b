"""What computing in bfloat16 does to an eval output."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between, scale, scales
from evalcheck.probe.dependence.fingerprints import Prints, culprit
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.outputs import Leaves

# So few suffice for a mean over outputs, and bfloat16 is slow where the processor has no unit for it.
FEW = 8


@dataclass(frozen=True)
class Halved:
    """The output under autocast against float32, of several leaves the worst; ``finite``: if it still is.

    ``spread`` is the difference's root mean square over that of the output's deviations from its mean
    over samples: an offset that all samples share tells them not apart, and hides what is lost.
    """

    seen: Difference
    finite: bool
    spread: float


def halved(bench: Bench, tolerance: float, rounding: float) -> Halved:
    """The first samples under bfloat16 autocast. Raises :class:`Unanswerable` where there is none.

    Real is a difference beyond ``tolerance`` of the spread over samples and ``rounding`` of the output.
    """
    if bench.digit > torch.finfo(torch.float32).eps:
        raise Unanswerable("the model runs in half precision already")
    device = next((p.device.type for p in bench.model.parameters()), "cpu")
    if not torch.amp.is_autocast_available(device):
        raise Unanswerable(f"there is no autocast on {device}")
    fixed = bench.batch.size > bench.samples
    few = bench.batch if fixed else bench.batch.rows(torch.arange(min(FEW, bench.batch.size)))
    with bench.guarded(), torch.autocast(device, enabled=False):
        try:
            here = bench.leaves(few)
            with torch.autocast(device, dtype=torch.bfloat16):
                there = bench.leaves(few)
        except OutOfMemory:
            raise
        except Complaint as complaint:
            raise Unanswerable(f"under bfloat16 autocast {complaint}") from None
    size, spread = _worst(here, there, rounding)
    finite = _is_finite(there) or not _is_finite(here)
    if finite and not (spread > tolerance and size > rounding):
        return Halved(Difference(size), finite, spread)
    with bench.guarded(apart=True):
        one = bench.printed(few)
        with torch.autocast(device, dtype=torch.bfloat16):
            two = bench.printed(few)
    found = [culprit(one, two, limit) for limit in (tolerance, rounding)] if finite else [_broken(one, two)]
    module = next((path for path in found if path is not None), None)
    return Halved(Difference(size, module, real=True), finite, spread)


def _worst(here: Leaves, there: Leaves, rounding: float) -> tuple[float, float]:
    """The leaf that moves most, as shares of its size and of its spread; first those beyond rounding."""
    # What is smaller than a last digit of the largest may be a difference of numbers of that size.
    units, moved = scales(here, torch.finfo(torch.bfloat16).eps), []
    for path, leaf in here.items():
        size = between({path: leaf}, there)
        if size is not None:
            size *= (scale(leaf) or 1.0) / units[path]
            moved.append((size > rounding, _of_spread(leaf, size * units[path]), size))
    if not moved:
        raise Unanswerable("under autocast the output has another form")
    _, spread, size = max(moved)
    return size, spread


def _of_spread(leaf: Tensor, size: float) -> float:
    """A root mean square as a share of that of the leaf's deviations from its mean over samples."""
    rows = leaf.double()
    spread = float((rows - rows.mean(0)).square().mean().sqrt())
    return size / spread if spread > 0 else 0.0


def _is_finite(found: Leaves) -> bool:
    return all(bool(leaf.isfinite().all()) for leaf in found.values())


def _broken(one: Prints, two: Prints) -> str | None:
    """The module whose output is the first that is not finite under autocast only."""
    for a, b in zip(one, two, strict=False):
        if (a.path, a.side) != (b.path, b.side) or a.sums.shape != b.sums.shape:
            return None
        if bool((a.sums.isfinite() & ~b.sums.isfinite()).any()):
            return a.path if a.side == "output" else a.caller
    return None
