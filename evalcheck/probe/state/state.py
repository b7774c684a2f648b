"""What one forward leaves behind in the model, and what that does to the next."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from evalcheck.finding import Span
from evalcheck.probe.passes import Passes
from evalcheck.probe.running.modes import evaluating, training
from evalcheck.probe.state import drawing, modes_by_part, observing, structures, switched, updates
from evalcheck.probe.state.carried import Carried
from evalcheck.probe.state.drifting import drifting
from evalcheck.probe.state.modes_by_part import Stray, Woken
from evalcheck.probe.state.observing import Observing
from evalcheck.probe.state.setup import Forward, Setup
from evalcheck.probe.state.snapshots import Key
from evalcheck.probe.state.structures import Structures
from evalcheck.probe.state.switched import Switched
from evalcheck.probe.state.trained import Trained
from evalcheck.probe.state.updates import Update
from evalcheck.probe.state.writers import writers


@dataclass
class State:
    """One small batch run once and again: buffers, modes, attributes and generators before and after.

    A model that leaves nothing costs two forwards of at most 16 samples in eval mode and one in train
    mode; with norms that keep statistics also a training step on eight.
    """

    passes: Passes

    @cached_property
    def setup(self) -> Setup:
        """The small batches, and the model to start from."""
        return Setup(self.passes)

    @cached_property
    def carried(self) -> Carried:
        """What an eval forward leaves to the next one."""
        return Carried(self.setup)

    @cached_property
    def trained(self) -> Trained:
        """A train forward, and what an eval forward leaves to it."""
        return Trained(self.setup, self.carried)

    @property
    def evaluated(self) -> Forward:
        """One eval forward from the start."""
        return self.carried.first.forward

    @cached_property
    def structures(self) -> Structures:
        """What the two modes return. Raises :class:`Unanswerable` where train mode refuses the batch."""
        return structures.compared(self.setup, self.trained.forward, self.evaluated)

    @cached_property
    def observing(self) -> list[Observing]:
        """Observers of quantisation whose ranges an eval forward moves."""
        return observing.at_work(self.setup, self.carried)

    @cached_property
    def buffers(self) -> list[Key]:
        """Buffers, those of observers left out, that an eval forward changed or made."""
        snapshots = self.carried.first.before, self.carried.left
        watched = {key for found in self.observing for key in found.keys}
        return [
            key
            for key in self.carried.suspects
            if key not in watched and any(key in snapshot.buffers for snapshot in snapshots)
        ]

    @cached_property
    def drifting(self) -> list[Key]:
        """Of these, those that every eval forward moves on."""
        return drifting(self.setup, self.carried.first, self.buffers)

    @cached_property
    def attributes(self) -> list[Key]:
        """Attributes that are no buffers, and that an eval forward changed or made."""
        snapshots = self.carried.first.before, self.carried.left
        return [k for k in self.carried.suspects if all(k not in s.buffers for s in snapshots)]

    @cached_property
    def updates(self) -> list[Update]:
        """Norms whose statistics move twice with one batch in a training step."""
        return updates.repeated(self.setup)

    @cached_property
    def woken(self) -> Woken | None:
        """Modules put in eval mode on purpose that ``model.train()`` wakes."""
        return modes_by_part.woken(self.setup, self.carried)

    @cached_property
    def strays(self) -> list[Stray]:
        """Hidden modules by the attribute that keeps them, and what their modes do."""
        return modes_by_part.strays(self.setup, self.carried)

    @cached_property
    def drawn_in(self) -> tuple[str, ...]:
        """The innermost modules whose calls draw from torch's global generators in eval mode."""
        return drawing.modules(self.setup) if self.evaluated.drew else ()

    @cached_property
    def left_awake(self) -> Switched | None:
        """Modules that an eval forward leaves in train mode."""
        return switched.woken(self.setup.modules, self.evaluated)

    @cached_property
    def left_asleep(self) -> Switched | None:
        """Modules that a train forward leaves in eval mode, frozen ones aside.

        Raises :class:`Unanswerable` where train mode refuses the batch.
        """
        return switched.put_to_sleep(self.setup.modules, self.trained.forward)

    def switching(self, train: bool) -> dict[Key, Span]:
        """The lines of a forward that set modes, by module; in train mode or in eval mode."""
        with self.setup.start(training if train else evaluating), writers(self.setup.modules) as found:
            self.setup.run(self.setup.batches[0])
        return {key: span for key, span in found.items() if key[1] == "training"}
