"""How many samples a made-up batch has: fewer than usual where the model is slow."""

from __future__ import annotations

import time

from torch import nn

from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Outcome, TooSlow
from evalcheck.inputs.spec import SAMPLES
from evalcheck.inputs.trial import attempt

# A forward of the whole batch should take no longer: a check makes some thirty of them.
SECONDS = 1.0
# Fewer have no statistics.
LEAST = 2


def afforded(model: nn.Module, call: Call, each: float | None, training: bool) -> Call:
    """The call with eight, four or two samples, so that its forward takes about a second at most.

    ``each`` are the seconds that one sample took in a trial. Where only shapes were computed, a forward
    of two samples is made, and left as soon as it is too slow for four. Rows that the model declares
    stay; so do counts that are not eight.
    """
    declared = max(
        (len(s.sample) for s in call.slots.values() if s.sample is not None and s.sample.ndim), default=0
    )
    counts = [n for n in (SAMPLES, SAMPLES // 2, LEAST) if n >= declared]
    if call.samples != SAMPLES or len(counts) < 2 or call.counted(LEAST).samples != LEAST:
        return call
    if each is None:
        each = _measured(model, call.counted(counts[-1]), training)
    count = next((n for n in counts if n * each <= SECONDS), counts[-1])
    return call.counted(count)


def _measured(model: nn.Module, call: Call, training: bool) -> float:
    patience = SECONDS * call.samples / SAMPLES * 2
    until = time.monotonic() + patience
    outcome: Outcome = attempt(model, call, training=training, real=True, until=until)
    if isinstance(outcome.error, TooSlow):
        return SECONDS
    # What so few samples do to the model otherwise is no reason to take as few.
    return 0.0 if outcome.seconds is None else outcome.seconds / call.samples
