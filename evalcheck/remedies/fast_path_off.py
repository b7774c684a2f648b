"""Turn off torch's fast path for attention, which eval mode takes without gradients alone.

``torch.backends.mha.set_fastpath_enabled(False)``; pytorch issue 106668.
"""

from __future__ import annotations

import time

import torch
from torch import nn

from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.dependence.difference import between
from evalcheck.probe.dependence.gradients import MODES
from evalcheck.probe.dependence.samples import TOLERANCE
from evalcheck.probe.running import modes
from evalcheck.probe.running.modes import Mode
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "torch.backends.mha.set_fastpath_enabled(False)"
RELIEVES = True
MEASURE = "difference between the gradient modes"
# Of as many alternating passes the fastest counts.
TIMED, SAMPLES = 3, 64
# Less is what clocks are wrong by.
SLOWER = 1.2


def run(trial: Trial) -> Outcome:
    """The output with gradients (or in inference mode) against that under no_grad, fast path on and off."""
    found = [c for c in trial.dependence.gradient_modes(TOLERANCE) if c.seen.real and c.without_fast_path]
    if not found:
        raise Unanswerable("the fast path for attention is not what makes the gradient modes differ")
    worst = max(found, key=lambda contrast: contrast.seen.size)
    bench = trial.dependence.bench
    with scatter.answerable(), bench.guarded(apart=True):
        torch.backends.mha.set_fastpath_enabled(False)  # the guard puts it back
        expected = bench.leaves(bench.batch)
        with MODES[worst.mode]():
            after = between(expected, bench.leaves(bench.batch))
    if after is None:
        raise Unanswerable("without the fast path the outputs cannot be compared")
    symptom = Symptom(MEASURE, worst.seen.size, after, bench.limit(TOLERANCE))
    judged = scatter.scored(trial, _slow)
    return Outcome(judged, symptom, _price(trial))


def _slow(model: nn.Module) -> None:
    """Eval mode without the fast path; for use inside the guard, which puts the switch back."""
    modes.evaluating(model)
    torch.backends.mha.set_fastpath_enabled(False)


def _price(trial: Trial) -> str:
    pairs = [(_seconds(trial, modes.evaluating), _seconds(trial, _slow)) for _ in range(TIMED)]
    fast, slow = (min(one) for one in zip(*pairs, strict=True))
    if slow < SLOWER * fast:
        return ""
    return f"an eval pass without gradients takes {slow / fast:.1f} times as long as on the fast path"


def _seconds(trial: Trial, mode: Mode) -> float:
    start = time.perf_counter()
    scatter.passed(trial, trial.held.first(SAMPLES), mode, 0)
    return time.perf_counter() - start
