"""What an eval forward leaves on the modules, and what that does to the next eval forward."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property

from evalcheck.complaint import Complaint
from evalcheck.finding import Place, Span, Unanswerable
from evalcheck.graph.building import methods
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.state.setup import Forward, Outputs, Setup, gap
from evalcheck.probe.state.snapshots import Key, Snapshot, take
from evalcheck.probe.state.writers import writers

# Kernels that sum in another order stay far below the first; a difference must exceed what the same run
# gives from the same start by the second.
TOLERANCE, BEYOND_CONTROL = 1e-5, 10
ASKED = 6
_RESETS = re.compile(r"reset|init_|clear|flush|empty|start|begin|forget|release|detach|repackage|new_", re.I)


@dataclass(frozen=True)
class First:
    """The same batch run twice, generators rewound: what is kept before, between and after."""

    before: Snapshot
    forward: Forward
    between: Snapshot
    again: Outputs
    after: Snapshot


@dataclass
class Carried:
    """One batch after itself and after another one, against the batch from the start.

    State, not noise: the generators are put back before each run, so that only what the forward left
    on the model can make a difference. Asked further only where something was left.
    """

    setup: Setup

    @cached_property
    def first(self) -> First:
        try:
            return self._twice()
        except OutOfMemory:
            raise
        except Complaint:
            if not self.setup.enlarge():
                raise
            return self._twice()

    def _twice(self) -> First:
        setup, batch = self.setup, self.setup.batches[0]
        with setup.first(evaluating) as start:
            before = take(setup.modules)
            forward = setup.watch(batch)
            between = take(setup.modules)
            # A mode that the forward changed is a fault of its own, and is no state here.
            setup.switch({path: not flag for path, flag in forward.switched.items()})
            start.rewind()
            again = setup.run(batch)
            return First(before, forward, between, again, take(setup.modules))

    @cached_property
    def changed(self) -> list[Key]:
        """What one eval forward changed: buffers and attributes."""
        return self.first.before.changed(self.first.between)

    @cached_property
    def _other(self) -> tuple[Snapshot, Outputs]:
        """What the other batch leaves, and the first batch after it."""
        here, there = self.setup.batches
        with self.setup.start(evaluating) as start:
            self.setup.run(there)
            left = take(self.setup.modules)
            start.rewind()
            return left, self.setup.run(here)

    @cached_property
    def again(self) -> float:
        """Relative difference of a second identical call."""
        return self._beyond(gap(self.first.forward.outputs, self.first.again))

    @cached_property
    def after_other(self) -> float:
        """Relative difference of the same call after one on other samples; 0 where no call left anything."""
        if not self.changed and self.again == 0:
            return 0.0
        return self._beyond(gap(self.first.forward.outputs, self._other[1]))

    @property
    def size(self) -> float:
        """By how much what forwards leave changes the output; 0 below rounding."""
        return max(self.again, self.after_other)

    def _beyond(self, size: float) -> float:
        return (
            size if size > max(TOLERANCE, BEYOND_CONTROL * (self.control if size > TOLERANCE else 0)) else 0.0
        )

    @cached_property
    def control(self) -> float:
        """The same run from the same start once more. Raises :class:`Unanswerable` where it differs much."""
        with self.setup.start(evaluating):
            size = gap(self.first.forward.outputs, self.setup.run(self.setup.batches[0]))
        if size > 1e-3:
            raise Unanswerable("eval mode differs from itself with the model and all generators put back")
        return size

    @property
    def left(self) -> Snapshot:
        """What was left by the forward whose effect is the larger."""
        return self.first.between if self.again >= self.after_other else self._other[0]

    @cached_property
    def suspects(self) -> list[Key]:
        """What differs from the start after that forward."""
        return self.first.before.changed(self.left)

    def effect(self, keys: Collection[Key]) -> float:
        """The relative difference that these alone make, left as they were, all else from the start."""
        if not keys:
            return 0.0
        try:
            with self.setup.start(evaluating):
                self.left.lay(keys, self.setup.modules)
                return self._beyond(gap(self.first.forward.outputs, self.setup.run(self.setup.batches[0])))
        except OutOfMemory:
            raise
        except (Complaint, Unanswerable):
            return 0.0  # Half of a state may be no state that the model can run in.

    def culprits(self, keys: Sequence[Key]) -> list[tuple[Key, float]]:
        """Of the first six, those that make a difference alone, with it; all of them where none does."""
        if len(keys) == 1:
            return [(keys[0], self.effect(keys))]
        found = [(key, self.effect([key])) for key in keys[:ASKED]]
        return [pair for pair in found if pair[1]] or [(key, 0.0) for key in keys]

    @cached_property
    def lines(self) -> dict[Key, Span]:
        """Where an eval forward assigns to attributes."""
        with self.setup.start(evaluating), writers(self.setup.modules) as found:
            self.setup.run(self.setup.batches[0])
        return found

    def places(self, keys: Sequence[Key]) -> list[Place]:
        """One for each module: the line that assigns to the first of its keys, where there is one."""
        first: dict[str, Key] = {}
        for key in keys:
            first.setdefault(key[0], key)
        return [Place(self.lines.get(key), path) for path, key in first.items()]

    def resetter(self, key: Key) -> str | None:
        """The method, named like one, that sets the attribute anew; it is state that somebody wants."""
        path, name = key
        parts = path.split(".") if path else []
        around = [".".join(parts[:count]) for count in range(len(parts), -1, -1)]
        for owner in around:
            for method in methods.of(type(self.setup.modules[owner])) if owner in self.setup.modules else ():
                named = method.name != "__init__" and _RESETS.search(method.name)
                if named and _writes(method.tree, name):
                    return method.name
        return None


def _writes(tree: ast.AST, name: str) -> bool:
    """Whether something of the name is assigned to, or changed by a call on it."""
    nodes = (n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == name)
    return any(isinstance(node.ctx, ast.Store | ast.Del) for node in nodes) or any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Attribute)
        and node.func.value.attr == name
        for node in ast.walk(tree)
    )
