"""A model as the graph layer sees it: its modules with their state, and one forward in each mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from torch import fx, nn

from evalcheck.finding import Place, Span
from evalcheck.graph import freshness
from evalcheck.graph.building import places
from evalcheck.graph.difference import structure
from evalcheck.graph.difference.structure import Structure
from evalcheck.graph.flows import flow
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.traces import Mode, Trace
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.graph.writes import Written


@dataclass(frozen=True, slots=True)
class Hole:
    """What could not be traced: in which mode, at which module (``""`` is the model), and why."""

    mode: Mode
    path: str
    reason: str


@dataclass(frozen=True, repr=False)
class ModelGraph:
    """The modules in the order of ``named_modules()``, and a trace for each mode that could be run.

    ``refusals`` say for a mode why its trace is missing or partial. ``again`` is a second trace in
    train mode with another seed, recorded where the two modes differ. ``writes`` are the settings of
    norms that the forwards wrote. ``synthetic`` is True where the input was made up, so that shapes
    are only as good as that input.
    """

    model: nn.Module
    modules: dict[str, ModuleView]
    train: Trace | None
    eval: Trace | None
    hidden: tuple[HiddenModule, ...] = ()
    refusals: dict[Mode, str] = field(default_factory=dict)
    synthetic: bool = False
    again: Trace | None = None
    writes: tuple[Written, ...] = ()

    def __repr__(self) -> str:
        name = type(self.model).__name__
        return f"<ModelGraph of {name}: train {self.train!r}, eval {self.eval!r}, {len(self.holes)} holes>"

    @cached_property
    def fresh(self) -> bool | None:
        """Whether nothing was trained or loaded; None where it cannot be told (see ``freshness``)."""
        return freshness.is_fresh(self.modules.values())

    @cached_property
    def flow(self) -> tuple[flow.DropoutPath, ...]:
        """For each batch norm the nearest dropout whose noise reaches it in train mode."""
        return flow.dropout_paths(self.train, self.modules, self.eval) if self.train is not None else ()

    @cached_property
    def structure(self) -> Structure | None:
        """What runs in one mode only; None unless both forwards came to their ends."""
        if self.train is None or self.eval is None or not (self.train.complete and self.eval.complete):
            return None
        return structure.compared(self.train, self.again, self.eval)

    @property
    def holes(self) -> tuple[Hole, ...]:
        """Everything that could not be traced; empty where both forwards were seen as a whole."""
        return tuple(self._holes())

    def _holes(self) -> Iterator[Hole]:
        modes: tuple[Mode, ...] = ("train", "eval")
        for mode in modes:
            trace = self.trace(mode)
            if mode in self.refusals:
                yield Hole(mode, trace.failed_in or "" if trace is not None else "", self.refusals[mode])
            yield from (Hole(mode, blind.path, blind.reason) for blind in (trace.blind if trace else ()))

    def trace(self, mode: Mode) -> Trace | None:
        return self.train if mode == "train" else self.eval

    def built(self, path: str) -> Span | None:
        """The line that built the module, None where it cannot be told."""
        return places.built(self.modules, path)

    def place(self, path: str) -> Place:
        """The module and the line that built it."""
        return Place(self.built(path), path)

    def place_of(self, node: fx.Node) -> Place:
        """A dropout or norm as the line that built it; any other operation as the line that called it."""
        path = str(node.target) if node.op == "call_module" else str(node.meta["module"])
        view = self.modules.get(path)
        if view is not None and view.kind != "other":
            return self.place(path)
        return Place(node.meta["span"], path)

    def reached(self, path: str, mode: Mode) -> bool | None:
        """Whether a forward in this mode calls the module; None where the trace cannot tell."""
        trace = self.trace(mode)
        if trace is None:
            return None
        if trace.calls(path) or path in trace.norms:
            return True
        return False if trace.complete else None
