"""One forward in train mode, and the same after a forward in eval mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.modes import evaluating, training
from evalcheck.probe.state.carried import ASKED, BEYOND_CONTROL, TOLERANCE, Carried
from evalcheck.probe.state.setup import Forward, Setup, gap
from evalcheck.probe.state.snapshots import Key, take


@dataclass
class Trained:
    """The small batch in train mode. All of it raises :class:`Unanswerable` where train mode refuses it."""

    setup: Setup
    carried: Carried

    @cached_property
    def _alone(self) -> tuple[Forward, list[Key]]:
        _ = self.carried.first  # It may find that only batches as they were loaded will do.
        with self.setup.first(training):
            before = take(self.setup.modules)
            forward = self.setup.watch(self.setup.batches[0])
            return forward, before.changed(take(self.setup.modules))

    @property
    def forward(self) -> Forward:
        """One forward from the start."""
        return self._alone[0]

    @property
    def latched(self) -> list[Key]:
        """What eval forwards write, and train forwards do not: what both write is no business of the mode."""
        written = self._alone[1]
        return [key for key in self.carried.changed if key not in written]

    @cached_property
    def after_eval(self) -> float:
        """Relative difference of the same train forward, same draws, after one in eval mode.

        Not asked (0) where eval mode writes nothing of its own.
        """
        if not self.carried.changed or not self.latched:
            return 0.0
        batch = self.setup.batches[0]
        with self.setup.start(evaluating) as start:
            self.setup.run(batch)
            training(self.setup.model)
            start.rewind()
            size = gap(self.forward.outputs, self.setup.run(batch))
        return self._beyond(size)

    def _beyond(self, size: float) -> float:
        if size <= TOLERANCE:
            return 0.0
        if self.control > 1e-3:
            raise Unanswerable("train mode differs from itself with the model and all generators put back")
        return size if size > BEYOND_CONTROL * self.control else 0.0

    @cached_property
    def control(self) -> float:
        """The same train forward from the same start once more."""
        with self.setup.start(training):
            return gap(self.forward.outputs, self.setup.run(self.setup.batches[0]))

    def effect(self, keys: Sequence[Key]) -> float:
        """What these alone do to a train forward, as the eval forward left them."""
        try:
            with self.setup.start(training):
                self.carried.first.between.lay(keys, self.setup.modules)
                return self._beyond(gap(self.forward.outputs, self.setup.run(self.setup.batches[0])))
        except OutOfMemory:
            raise
        except (Complaint, Unanswerable):
            return 0.0

    def culprits(self) -> list[Key]:
        """What eval mode alone writes and makes a difference by itself, of the first six; else all of it."""
        keys = self.latched
        if len(keys) > 1 and (found := [key for key in keys[:ASKED] if self.effect([key])]):
            return found
        return keys if self.effect(keys) else []
