"""Searches a call that the model takes: from its first layers, led on by what each trial says."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from torch import nn

from evalcheck.inputs import complaints, leads, sizes
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Odd, Outcome, TooSlow
from evalcheck.inputs.spec import SAMPLES, floats
from evalcheck.inputs.trial import attempt

# The whole search; a model that is slower than this to try is asked for with --input.
SECONDS = 8.0
TRIALS = 200
# What is left for train mode alone, after all was tried and nothing runs in eval mode.
AGAIN = 2.0
# The first operation on the meta device imports two seconds of torch. Half of that is first spent on
# real forwards of four samples, which is enough for most models; large ones are tried on meta then.
WARMING = 1.0
PATIENCE = 0.3
# More numbers than this are not run for real: attention over them may fill the memory.
LARGE = 1 << 19
# Real forwards: few samples, but not two, which a pair of inputs would be unpacked from.
FEW = 4
UNUSUAL = (torch.float64, torch.float16, torch.bfloat16)


@dataclass
class Search:
    """The trials made so far, and what they cost.

    ``training`` is the mode in which an input has to run; the other one is a wish.
    """

    model: nn.Module
    training: bool = False
    trials: int = TRIALS
    until: float = field(default_factory=lambda: time.monotonic() + SECONDS)
    tried: dict[object, Outcome] = field(default_factory=dict)
    solved: set[object] = field(default_factory=set)
    whole: dict[object, Outcome] = field(default_factory=dict)
    spent: float = 0.0
    failure: Outcome | None = None

    def __post_init__(self) -> None:
        kinds = (
            t.dtype
            for t in self.model.parameters()
            if t.dtype in (torch.float64, torch.float16, torch.bfloat16)
        )
        self.dtype = next(kinds, torch.float32)

    def turned(self) -> Search:
        """The same search for an input that runs in train mode only, with little time."""
        seconds = min(AGAIN, SECONDS)
        return replace(
            self,
            training=True,
            trials=len(self.tried) + TRIALS,
            until=time.monotonic() + seconds,
            solved=set(),
            spent=0.0,
        )

    def __call__(self, call: Call, training: bool | None = None) -> Outcome:
        """One trial for each call and mode, in the mode of the search unless said otherwise."""
        training = self.training if training is None else training
        key = (training, call.key())
        if key not in self.tried:
            if len(self.tried) >= self.trials or time.monotonic() > self.until:
                self.failure = self.failure or Outcome(TooSlow())
                return Outcome(TooSlow())
            outcome = self.tried[key] = self._tried(call, training)
            if not training and outcome.error is not None and self.failure is None:
                self.failure = outcome
        return self.tried[key]

    def _tried(self, call: Call, training: bool) -> Outcome:
        # What is declared may fit in the number of samples that is declared only.
        declared = any(spec.sample is not None for spec in call.slots.values())
        few = call if declared else call.counted(FEW)
        warm = "torch._dynamo" in sys.modules
        budget = WARMING - self.spent
        if budget > 0 and few.numbers < LARGE:
            outcome = self._real(few, training, min(budget, PATIENCE if warm else budget))
            if not isinstance(outcome.error, TooSlow):
                return outcome
        if not warm:
            self._warm()
        outcome = attempt(self.model, call, training=training, until=self.until)
        return outcome if outcome.able else self._real(few, training, self.until - time.monotonic())

    def _warm(self) -> None:
        """Let torch import what it wants for the meta device; the model is not to blame for that time."""
        started = time.monotonic()
        attempt(nn.Sequential(nn.Linear(1, 1), nn.ReLU()), Call({"x": floats(1, 1)}))
        self.until += time.monotonic() - started

    def _real(self, call: Call, training: bool, seconds: float) -> Outcome:
        started = time.monotonic()
        until = min(self.until, started + seconds)
        outcome = attempt(self.model, call, training=training, real=True, until=until)
        self.spent += time.monotonic() - started
        return outcome

    def trains(self, call: Call) -> bool:
        """Whether it runs in train mode too, where batch norms and auxiliary heads want more."""
        return self(call, training=True).ok

    def first(self, calls: Iterable[Call], lead: bool = True) -> Call | None:
        """The first call that runs in both modes, else the first that runs in the mode of the search.

        In train mode the first that runs will do. With ``lead``, what a failed trial
        says is followed up before the next call is tried.
        """
        waiting, seen = deque(calls), set[object]()
        fallback = odd = None
        while waiting:
            call = waiting.popleft().typed(self.dtype)
            if call.key() in seen or call.hollow:
                continue
            seen.add(call.key())
            outcome = self(call)
            if isinstance(outcome.error, TooSlow):
                # What is declared is believed where there is no time to try it.
                return fallback or odd or (None if lead or self.training else call)
            if isinstance(outcome.error, Odd) and not self.training:
                odd = odd or call
            if outcome.ok:
                call = self.fitted(call, outcome)
                if self.training:
                    return call
                if not waiting and call.size is None and fallback is None:
                    return call
                if self.trains(call):
                    return sizes.grown(call, outcome, self, self.trains)
                fallback = fallback or call
                if not any(spec.free for spec in call.slots.values()):
                    continue
                waiting.extendleft(reversed([call.resized(n) for n in sizes.LADDERS[call.axes]]))
                continue
            fitted = self.fitted(call, outcome)
            if fitted.key() not in seen:
                waiting.appendleft(fitted)
            elif lead:
                waiting.extendleft(reversed([*self._led(call, outcome)]))
        return fallback or odd

    def taken(self, call: Call) -> bool:
        """Whether the whole batch runs with values, whatever time that takes."""
        outcome = self.whole[call.key()] = attempt(self.model, call, training=self.training, real=True)
        return outcome.ok

    def seconds(self, call: Call) -> float | None:
        """How long a real forward of one sample took in the trials; None where none was made.

        The quickest counts: the first forward of a process is slower than those that follow.
        """
        key = call.key()
        made = [self.tried.get((False, key)), self.tried.get((True, key)), self.whole.get(key)]
        times = [o.seconds / o.samples for o in made if o is not None and o.seconds is not None]
        return min(times, default=None)

    def refusal(self, call: Call) -> tuple[Literal["train", "eval"] | None, str]:
        """The mode in which the model is known to raise on this call, and what it says."""
        if self.training:
            outcome = self(call, training=False)
            if outcome.ok:
                return None, ""
            return "eval", outcome.reason if outcome.fails or self.failure is None else self.failure.reason
        trained = self.tried.get((True, call.key()))
        return ("train", trained.reason) if trained is not None and trained.fails else (None, "")

    def fitted(self, call: Call, outcome: Outcome) -> Call:
        """Whole numbers cut to the smallest embedding that they index."""
        for name, rows in outcome.rows.items():
            spec = call.slots.get(name)
            if spec is not None and spec.high > rows and not spec.dtype.is_floating_point:
                call = call.changed(name, replace(spec, low=min(2, max(rows - 2, 0)), high=rows))
        return call

    def _led(self, call: Call, outcome: Outcome) -> Iterator[Call]:
        """Calls that the failure suggests, the surest first."""
        assert outcome.error is not None
        if call.form == "sequence" and "'tuple' object" in str(outcome.error):
            return
        yield from leads.reshaped(call, outcome.error)
        for name, hit in outcome.hits.items():
            if name in call.slots:
                yield from (call.changed(name, spec) for spec in leads.fitting(call.slots[name], hit))
        width = complaints.width(outcome.reason)
        if width is not None:
            # Where no layer was met, the rows of a bare matrix are the likeliest features.
            for name, spec in call.slots.items():
                if spec.layer is None and spec.dtype.is_floating_point:
                    yield call.changed(name, floats(SAMPLES, width))
        # Every size of one kind of input leads to the same solution.
        kind = (call.resized(1).key(), call.axes)
        if kind not in self.solved:
            self.solved.add(kind)
            yield from sizes.solved(call, outcome, self)
        yield from leads.evened(call, outcome)
        if call.size is not None:
            for size in [*complaints.sizes(outcome.reason), *sizes.LADDERS[call.axes]]:
                yield call.resized(size)
