"""The calls of modules during one forward, as a stack and as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, fx, nn

from evalcheck.finding import Span
from evalcheck.graph.kinds import kind_of
from evalcheck.graph.recording.marks import SCRIPTED
from evalcheck.graph.recording.memory import shape
from evalcheck.graph.traces import Call, Shape


@dataclass(slots=True, eq=False)
class Frame:
    """A module call that has not ended yet: its place in the list, and what went into it.

    ``reason`` says why it cannot be looked into, if it cannot.
    """

    path: str
    index: int
    position: int
    leaf: bool
    start: int = 0
    reason: str | None = None
    given: tuple[fx.Node, ...] = ()


class ModuleCalls:
    """Keeps count. ``names`` maps ``id(module)`` to its path."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.stack: list[Frame] = []
        self.calls: list[Call] = []
        self._names = names
        self._counts: Counter[str] = Counter()
        self._roots = -1
        self.inline: dict[str, nn.Module] = {}
        self._made: list[nn.Module] = []
        self._failure: tuple[BaseException, str] | None = None

    @property
    def path(self) -> str:
        """The innermost module that is running; the root's path where none is."""
        return self.stack[-1].path if self.stack else ""

    def enter(self, module: nn.Module, given: list[Tensor], span: Span | None) -> Frame:
        """Note a call that begins, with what goes into it; a call that fails is noted too."""
        outer = self.stack[-1] if self.stack else None
        if outer is None:
            self._roots += 1
        path = self._names.get(id(module))
        if path is None:
            path = self._inline(module, outer.path if outer is not None else None)
        # The root itself is opened: a view with one node says nothing.
        leaf = outer is not None and is_leaf(module) and not any(frame.leaf for frame in self.stack)
        frame = Frame(path, self._counts[path], len(self.calls), leaf)
        if isinstance(module, torch.jit.ScriptModule):
            frame.reason = SCRIPTED
        self._counts[path] += 1
        shapes = tuple(shape(t) for t in given)
        kind = kind_of(module)
        rate = getattr(module, "p", None) if kind == "dropout" else None
        self.calls.append(
            Call(
                path=path,
                class_name=type(module).__name__,
                index=frame.index,
                root=self._roots,
                parent=outer.path if outer is not None else None,
                training=module.training,
                shapes=shapes,
                samples=_samples(shapes) if kind == "batchnorm" else None,
                p=float(rate) if isinstance(rate, (int, float)) else None,
                span=span,
                outer=outer.position if outer is not None else None,
            )
        )
        self.stack.append(frame)
        return frame

    def leave(self, frame: Frame) -> None:
        """The call ended, or an exception passes through it."""
        while self.stack and self.stack.pop() is not frame:
            pass

    def failed(self, frame: Frame, error: BaseException) -> None:
        """An exception passes through a call: the innermost is where it happened, unless it is caught."""
        if self._failure is None or self._failure[0] is not error:
            self._failure = (error, frame.path)
        self.leave(frame)

    def failed_in(self, error: BaseException) -> str:
        """The path of the innermost module call that an exception came out of."""
        return self._failure[1] if self._failure is not None and self._failure[0] is error else self.path

    def _inline(self, module: nn.Module, parent: str | None) -> str:
        """A name for a module that was made inside a forward, and belongs to nobody."""
        # Kept alive until the run ends: its id must not be mistaken for another's.
        self._made.append(module)
        path = f"{parent}.<{type(module).__name__}>" if parent else f"<{type(module).__name__}>"
        self.inline.setdefault(path, module)
        return path


def is_leaf(module: nn.Module) -> bool:
    """Whether the folded view shows the module as one node: what ``torch.fx`` takes for a leaf."""
    home = type(module).__module__
    return home.startswith(("torch.nn", "torch.ao.nn")) and not isinstance(module, nn.Sequential)


def _samples(shapes: tuple[Shape, ...]) -> int | None:
    """N*H*W of a batch norm's input (N, C, ...), whose first tensor it is."""
    if not shapes or len(shapes[0]) < 2:
        return None
    count = shapes[0][0]
    for size in shapes[0][2:]:
        count *= size
    return count
