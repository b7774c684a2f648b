"""One recorded forward: its operations, and the calls of the modules, in the order they happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from torch import fx, nn

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
    user code if any is above it, else in the library whose code called.
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


@dataclass(frozen=True)
class Trace:
    """What one forward did.

    Each node of ``graph`` carries in ``node.meta``: ``module`` (path of the innermost module),
    ``call`` (which call of it), ``span``, ``shape`` and ``dtype`` of its output (tuples of them
    for several), ``mode``, and ``norm`` (the path of the norm whose statistics it uses).
    ``complete`` is False where the forward stopped early or the record grew too long;
    ``shaped`` is False where nothing was run and shapes are unknown. ``inline`` holds the modules
    that were made and called inside a forward, by the name that their calls have.
    """

    mode: Mode
    graph: fx.Graph
    sequence: tuple[Call, ...]
    complete: bool = True
    shaped: bool = True
    failed_in: str | None = None
    inline: Mapping[str, nn.Module] = field(default_factory=dict)
    _by_path: Mapping[str, list[Call]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_path: dict[str, list[Call]] = {}
        for call in self.sequence:
            by_path.setdefault(call.path, []).append(call)
        object.__setattr__(self, "_by_path", by_path)

    @property
    def batch_size(self) -> int | None:
        """The first dimension of what the outermost call was given; None where nothing was run."""
        first = (c.shapes[0] for c in self.sequence if c.parent is None and c.shapes and c.shapes[0])
        return next((shape[0] for shape in first), None)

    def calls_below(self, path: str) -> list[Call]:
        """Calls of the module and of what is inside it, in order."""
        inside = (f"{path}.", f"{path}[")
        return [c for c in self.sequence if c.path == path or c.path.startswith(inside)]

    def calls(self, path: str) -> list[Call]:
        """Every call of the module of that path, in order."""
        return list(self._by_path.get(path, ()))
