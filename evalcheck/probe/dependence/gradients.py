"""Whether it matters for an eval output that gradients could be asked for."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

import torch

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference, between
from evalcheck.probe.dependence.fastpath import agrees_without, responsible
from evalcheck.probe.dependence.fingerprints import culprit
from evalcheck.probe.dependence.sequences import Sequences, recognised
from evalcheck.probe.pool import OutOfMemory

# In this order: tensors that a forward keeps in inference mode can never be used with gradients again.
MODES = {"with gradients": torch.enable_grad, "in inference_mode": torch.inference_mode}


@dataclass(frozen=True)
class Contrast:
    """One gradient mode against ``no_grad``.

    ``valid`` is the difference over the positions that hold data, None where no padding is known or the
    output has no positions. ``without_fast_path`` is True where the two agree once torch's fast path
    for attention is off.
    """

    mode: str
    seen: Difference
    valid: float | None = None
    without_fast_path: bool = False


def contrasts(bench: Bench, tolerance: float) -> list[Contrast]:
    """Eval under each gradient mode against eval under ``no_grad``, the same batch and seed.

    A mode that the model refuses is left out: one that differentiates in its own forward cannot do so in
    inference mode. Raises :class:`Unanswerable` for it where the other one tells nothing.
    """
    found, refused = [], None
    for name, mode in MODES.items():
        try:
            found.append(_contrast(bench, name, mode, tolerance))
        except OutOfMemory:
            raise
        except Complaint as complaint:
            refused = f"{name} {complaint}"
    if refused and not any(contrast.seen.real for contrast in found):
        raise Unanswerable(refused)
    return found


def _contrast(
    bench: Bench, name: str, mode: type[AbstractContextManager[None]], tolerance: float
) -> Contrast:
    question = partial(_gap, bench, mode)
    size, real = bench.judged(question, tolerance)
    contrast = Contrast(name, Difference(size, real=real))
    return _located(bench, contrast, mode, question, tolerance) if real else contrast


def _gap(bench: Bench, mode: type[AbstractContextManager[None]]) -> float | None:
    expected = bench.reference()
    with mode():
        return between(expected, bench.leaves(bench.batch))


def _located(
    bench: Bench,
    contrast: Contrast,
    mode: type[AbstractContextManager[None]],
    question: partial[float | None],
    tolerance: float,
) -> Contrast:
    with bench.guarded(apart=True):
        one = bench.printed(bench.batch)
        with mode():
            module = culprit(one, bench.printed(bench.batch), bench.limit(tolerance))
    off = agrees_without(bench, question, tolerance)
    if module is None and off:
        module = responsible(bench, question, tolerance)
    seen = replace(contrast.seen, module=module)
    return replace(contrast, seen=seen, valid=_valid(bench, mode), without_fast_path=off)


def _valid(bench: Bench, mode: type[AbstractContextManager[None]]) -> float | None:
    sequences: Sequences | None = recognised(bench.batch, bench.model)
    if sequences is None:
        return None
    with bench.guarded(apart=True):
        one = bench.output(bench.batch)
        with mode():
            two = bench.output(bench.batch)
    return sequences.gap(one, two) if sequences.has_positions(one) else None
