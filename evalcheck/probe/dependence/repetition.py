"""Whether one and the same batch gives one and the same output."""

from __future__ import annotations

import torch

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between, moves
from evalcheck.probe.dependence.fingerprints import culprit
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.state.generators import Start

# So many samples are run, at most, where a model draws and the bench's few show no effect of it: one in a
# hundred that is changed at random shows in 2 x 256 runs in 99 of 100 cases.
MANY = 256


def repetition(bench: Bench, tolerance: float) -> Difference:
    """Two passes over one batch from one state, the generators running on in between.

    Where they agree although the model draws, more samples are run twice: noise may be rare. Kernels that
    add in another order each time differ too: where no generator was asked, float64 decides.
    """
    size = between(*bench.pair) or 0.0
    seen = Difference(size, samples=bench.batch.size)
    if size > tolerance:
        return _located(bench, seen, tolerance)
    if not bench.draws or bench.pool.samples <= bench.batch.size:
        return seen
    return _rare(bench, tolerance) or seen


def _located(bench: Bench, seen: Difference, tolerance: float) -> Difference:
    def question() -> float | None:
        return between(bench.leaves(bench.batch), bench.leaves(bench.batch, seed=None))

    if not bench.draws and not bench.judged(question, tolerance)[1]:
        return seen
    with bench.guarded(apart=True):
        one, two = bench.printed(bench.batch), bench.printed(bench.batch, seed=None)
    return Difference(seen.size, culprit(one, two, tolerance), real=True, samples=seen.samples)


def _rare(bench: Bench, tolerance: float) -> Difference | None:
    """Each batch of the pool twice, the generators running on; None where the model refuses these batches.

    The module is looked for in the first batch that differs, with the draws that made it differ.
    """
    module, differing, samples, square = None, 0, 0, 0.0
    try:
        with bench.guarded(apart=True):
            torch.manual_seed(1)
            for batch in bench.pool.first(MANY).grouped():
                start = Start(bench.model)
                one, two = bench.leaves(batch, seed=None), bench.leaves(batch, seed=None)
                size, moved = between(one, two) or 0.0, moves(one, two)
                if size > tolerance and not differing:
                    start.rewind()
                    prints = [bench.printed(batch, seed=None) for _ in range(2)]
                    module = culprit(prints[0], prints[1], tolerance)
                differing += int((moved > tolerance).sum()) if moved is not None else 0
                samples += batch.size
                square += batch.size * size**2
    except OutOfMemory:
        raise
    except (Complaint, Unanswerable):
        if not samples:
            return None  # Else what was seen until then, or until the budget ended, counts.
    size = (square / samples) ** 0.5
    return Difference(size, module, real=size > tolerance, samples=samples, differing=differing)
