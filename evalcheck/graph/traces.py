"""One recorded forward: its operations, and the calls of the modules, in the order they happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from torch import Tensor, fx, nn

from evalcheck.finding import Span

Mode = Literal["train", "eval"]
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One call of one module.

    ``index`` counts the calls of this module from zero, ``root`` the outermost call that it
    happened in. ``shapes`` are those of the input tensors, keywords last. ``samples`` is the
    number of values that a batch norm's statistic of one channel is computed from (N*H*W), None
    for other modules. ``p`` is a dropout's rate. ``span`` is the line that made the call, in
    user code if any is above it, else in the library whose code called. ``outer`` is the position
    in the sequence of the call around this one.
    """

    path: str
    class_name: str
    index: int
    root: int
    parent: str | None
    training: bool
    shapes: tuple[Shape, ...]
    samples: int | None = None
    p: float | None = None
    span: Span | None = None
    outer: int | None = None


@dataclass(frozen=True, slots=True)
class Blind:
    """A part of the forward that could not be looked into: the module that ran, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call of one of torch's own modules: its position, the nodes that go in and those that come out.

    ``start`` is the number of nodes when it began; ``single`` tells an output that is one tensor
    from a tuple of one.
    """

    position: int
    start: int
    given: tuple[fx.Node, ...]
    made: tuple[fx.Node, ...]
    single: bool


@dataclass(frozen=True, repr=False)
class Trace:
    """What one forward did.

    Each node of ``graph`` carries in ``node.meta``: ``module`` (path of the innermost module),
    ``call`` (which call of it), ``at`` (the position of that call in ``sequence``), ``span``,
    ``shape`` and ``dtype`` of its output (tuples of them for several), ``mode``, ``rng`` (whether it
    drew random numbers), and ``norm`` (the path of the norm whose statistics it uses).
    ``complete`` is False where the forward stopped early (in the module ``failed_in``, at the line
    ``failed_at``) or the record grew too long;
    ``shaped`` is False where nothing was run and shapes are unknown. ``inline`` holds the modules
    that were made and called inside a forward, by the name that their calls have. ``blind`` are
    the parts that could not be looked into, ``decisions`` the lines that took a value out of a
    tensor: another batch may take another way there. ``leaves`` are the calls of torch's own
    modules by position. ``constants`` holds the tensors of unknown origin by the target of their
    nodes, where they were kept. ``output`` is what was returned, in outline. ``drew_outside`` tells
    whether python's or numpy's global generator was drawn from, ``foreign`` in the code of which
    calls, where that was looked for. ``context`` is a setting of torch, such as autocast, under which a
    part ran and which the graph does not hold.
    """

    mode: Mode
    graph: fx.Graph
    sequence: tuple[Call, ...]
    complete: bool = True
    shaped: bool = True
    failed_in: str | None = None
    failed_at: Span | None = None
    inline: Mapping[str, nn.Module] = field(default_factory=dict)
    blind: tuple[Blind, ...] = ()
    decisions: tuple[Span, ...] = ()
    leaves: Mapping[int, Leaf] = field(default_factory=dict)
    constants: Mapping[str, Tensor] | None = None
    output: str = ""
    drew_outside: bool = False
    foreign: tuple[int, ...] = ()
    context: str | None = None
    _by_path: Mapping[str, list[Call]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_path: dict[str, list[Call]] = {}
        for call in self.sequence:
            by_path.setdefault(call.path, []).append(call)
        object.__setattr__(self, "_by_path", by_path)

    def collapsed(self) -> fx.Graph:
        """The classic fx graph in which calls of torch's own modules are single ``call_module`` nodes."""
        from evalcheck.graph.recording.collapse import collapsed

        return collapsed(self)

    def executable(self, model: nn.Module) -> fx.GraphModule:
        """The forward as a module that runs: takes the batch's tensors, returns the output's as a tuple.

        Raises :class:`evalcheck.finding.Unanswerable` where something is missing for that.
        """
        from evalcheck.graph.recording.executable import executable

        return executable(self, model)

    def __repr__(self) -> str:
        end = "" if self.complete else ", stopped early"
        size = f"{len(self.graph.nodes)} nodes, {len(self.sequence)} module calls"
        return f"<Trace in {self.mode} mode: {size}{end}>"

    @property
    def batch_size(self) -> int | None:
        """The first dimension of what the outermost call was given; None where nothing was run."""
        first = (c.shapes[0] for c in self.sequence if c.parent is None and c.shapes and c.shapes[0])
        return next((shape[0] for shape in first), None)

    def calls_below(self, path: str) -> list[Call]:
        """Calls of the module and of what is inside it, in order."""
        inside = (f"{path}.", f"{path}[")
        return [c for c in self.sequence if c.path == path or c.path.startswith(inside)]

    @cached_property
    def norms(self) -> frozenset[str]:
        """The batch norms whose statistics were used, also where only their ``forward`` was called."""
        return frozenset(str(node.meta["norm"]) for node in self.graph.nodes if "norm" in node.meta)

    def calls(self, path: str) -> list[Call]:
        """Every call of the module of that path, in order."""
        return list(self._by_path.get(path, ()))
