"""Whether one and the same batch gives one and the same output."""

from __future__ import annotations

import random
import sys
from typing import Any

import torch

from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between
from evalcheck.probe.dependence.fingerprints import culprit


def repetition(bench: Bench, tolerance: float) -> Difference:
    """Two passes over one batch from one state, the generators running on in between.

    Kernels that add in another order each time differ too: where no generator was asked, a difference
    of a few last digits is theirs.
    """
    size = between(*bench.pair) or 0.0
    if not size > tolerance:
        return Difference(size)
    with bench.guarded(apart=True):
        before = _generators()
        first = bench.printed(bench.batch)
        drawn = _generators() != before
        if not drawn and size <= bench.limit(0.0):
            return Difference(size)
        return Difference(size, culprit(first, bench.printed(bench.batch, seed=None), tolerance), real=True)


def _generators() -> tuple[Any, ...]:
    """The states of the global generators from the seed on which runs begin."""
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    torch_ = [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if cuda else [])]
    numpy = sys.modules["numpy"].random.get_state()[1].tobytes() if "numpy" in sys.modules else b""
    return (*(state.numpy().tobytes() for state in torch_), numpy, random.getstate())
