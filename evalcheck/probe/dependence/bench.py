"""One small batch that is run again and again in eval mode, and what makes two runs comparable."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe.dependence.difference import between
from evalcheck.probe.dependence.fingerprints import Prints, View, everything, fingerprints
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import outputs
from evalcheck.probe.running.budget import OutOfTime
from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.running.outputs import Leaves
from evalcheck.probe.running.runner import NoRows, Runner
from evalcheck.probe.state.generators import moved, positions

# Few samples show a dependence. A prime: that a length or a width is the number of samples is then rare.
SAMPLES = 13
# A difference this many times as large as the last digit, or as what the last digits of the weights do.
DIGITS, ROUNDINGS = 8, 10


@dataclass
class Bench:
    """The first samples of a pool; every question about an eval output is asked on them.

    One guard spans a question: entering it costs more than a small batch. Only where runs differ are
    they repeated, each from the same state, so that state which a forward leaves behind is no difference.
    """

    run: Runner
    pool: Pool
    samples: int = SAMPLES
    _apart: bool = False
    _double: bool = False

    @property
    def model(self) -> nn.Module:
        return self.run.model

    @cached_property
    def source(self) -> Batch:
        """The samples at hand: all that could be put together, else those of the first batch."""
        return self.pool.whole if self.pool.whole is not None else self.pool.batches[0]

    @property
    def batch(self) -> Batch:
        """The samples that are compared; the loader's first batch as it is where a small one is refused."""
        return self._start[0]

    @property
    def pair(self) -> tuple[Leaves, Leaves]:
        """Two passes over the batch from one state, the generators running on in between."""
        return self._start[1], self._start[2]

    @property
    def draws(self) -> bool:
        """Whether a pass over the batch draws from a global generator."""
        return self._start[3]

    @cached_property
    def _start(self) -> tuple[Batch, Leaves, Leaves, bool]:
        count = min(self.samples, self.source.size, max(4, self.pool.batch_size))
        try:
            return self._paired(self.source.rows(torch.arange(count)))
        except (OutOfMemory, OutOfTime):
            raise
        except (Complaint, Unanswerable):
            return self._paired(next(iter(self.pool.grouped())))

    def _paired(self, batch: Batch) -> tuple[Batch, Leaves, Leaves, bool]:
        for apart in (False, True):
            with self.guarded(apart):
                first, before = self.leaves(batch), positions()
                second = self.leaves(batch, seed=None)
                drew = bool(moved(before, positions()))
            if between(first, second) == 0.0:
                break
        return batch, first, second, drew

    def reference(self) -> Leaves:
        """What the batch gives, from the seed; measured once, but anew where runs must be fresh."""
        return self.leaves(self.batch) if self.fresh else self.pair[0]

    def leaves(self, batch: Batch, seed: int | None = 0) -> Leaves:
        """One run's output as rows. Raises :class:`Unanswerable` where it has none."""
        found = outputs.leaves(self.output(batch, seed), batch.size)
        if not found:
            raise Unanswerable(NoRows.REASON)
        return {path: leaf.detach() for path, leaf in found.items()}

    def printed(self, batch: Batch, view: View = everything, seed: int | None = 0) -> Prints:
        """One run's fingerprints."""
        with fingerprints(self.model, view) as record:
            self.output(batch, seed)
        return record

    def output(self, batch: Batch, seed: int | None = 0) -> Any:
        """One run, from a seed unless the generators shall run on. For use inside :meth:`guarded`."""
        with self._own():
            if seed is not None:
                torch.manual_seed(seed)
            return self.run.forward(_doubled(batch) if self._double else batch)

    @contextmanager
    def guarded(self, apart: bool = False) -> Iterator[None]:
        """The guard, eval mode and no gradients; with ``apart``, each run inside starts from one state."""
        before, self._apart = self._apart, apart
        try:
            with untouched(self.model, parameters=False), torch.no_grad():
                evaluating(self.model)
                yield
        finally:
            self._apart = before

    @contextmanager
    def _own(self) -> Iterator[None]:
        with untouched(self.model, False, False) if self._apart else nullcontext():
            if self._apart:
                evaluating(self.model)
            yield

    @property
    def fresh(self) -> bool:
        """Whether runs that were kept from before must not be used."""
        return self._apart or self._double

    # What is more than rounding

    def judged(self, question: Callable[[], float | None], tolerance: float) -> tuple[float, bool]:
        """How much two runs differ, and whether that is neither their state's doing nor rounding.

        It is asked again in float64 where the model can be run so: what rounding did (a router that
        chose otherwise, say) is gone there. Where it cannot, the difference is held against what other
        last digits of the weights do. Raises :class:`Unanswerable` where ``question`` has no answer.
        """
        size = self._answer(question, apart=False)
        if size > self.limit(tolerance):
            size = self._answer(question, apart=True)
        real = size > self.limit(tolerance) and self._survives(question, size, tolerance)
        return size, real

    def _answer(self, question: Callable[[], float | None], apart: bool) -> float:
        with self.guarded(apart):
            size = question()
        if size is None:
            raise Unanswerable("the model refuses such batches, or gives no output that could be compared")
        return size

    def limit(self, tolerance: float) -> float:
        """The tolerance, or what half precision leaves of it."""
        return max(tolerance, DIGITS * self.digit)

    @cached_property
    def digit(self) -> float:
        """The last digit of the coarsest floating type that the model or its input has."""
        inputs = [t for _, t in tree.leaves([self.source.args, self.source.kwargs])]
        types = {t.dtype for t in [*self.model.parameters(), *inputs] if t.is_floating_point()}
        types = {kind for kind in types if torch.finfo(kind).bits >= 16}
        return max((torch.finfo(kind).eps for kind in types), default=torch.finfo(torch.float32).eps)

    def _survives(self, question: Callable[[], float | None], size: float, tolerance: float) -> bool:
        try:
            with self._in_double():
                exact = question()
        except OutOfTime:
            raise
        except Exception:  # whatever a model says that was not written for float64
            exact = None
        return exact > tolerance if exact is not None else size > ROUNDINGS * self.rounding

    @contextmanager
    def _in_double(self) -> Iterator[None]:
        with untouched(self.model), self.guarded(apart=True):
            self.model.double()
            torch.set_default_dtype(torch.float64)
            self._double = True
            try:
                yield
            finally:
                self._double = False

    @cached_property
    def rounding(self) -> float:
        """What another last digit of every weight does to the output."""
        expected, draw = self.pair[0], torch.Generator().manual_seed(0)
        with untouched(self.model), torch.no_grad():
            evaluating(self.model)
            for weight in self.model.parameters():
                if weight.is_floating_point():
                    noise = (torch.rand(weight.shape, generator=draw) * 2 - 1).to(weight.device)
                    weight.copy_(weight + weight * (torch.finfo(weight.dtype).eps * noise))
            return between(expected, self.leaves(self.batch)) or 0.0


def _doubled(batch: Batch) -> Batch:
    def wide(tensor: Tensor) -> Tensor:
        return tensor.double() if tensor.is_floating_point() else tensor

    parts = (batch.args, batch.kwargs, batch.whole)
    args, kwargs, whole = (tree.map_tensors(wide, part) for part in parts)
    return Batch(args, kwargs, batch.targets, batch.size, whole, batch.forward, batch.doubt)
