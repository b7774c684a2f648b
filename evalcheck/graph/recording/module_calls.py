"""The calls of modules during one forward, as a stack and as a list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.kinds import kind_of
from evalcheck.graph.recording.tensors import tensors
from evalcheck.graph.traces import Call, Shape


@dataclass(frozen=True, slots=True)
class Frame:
    """A module call that has not ended yet."""

    path: str
    index: int


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

    def enter(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], span: Span | None
    ) -> Frame:
        """Note a call that begins, with what goes into it; a call that fails is noted too."""
        parent = self.stack[-1].path if self.stack else None
        if parent is None:
            self._roots += 1
        path = self._names.get(id(module))
        if path is None:
            path = self._inline(module, parent)
        frame = Frame(path, self._counts[path])
        self._counts[path] += 1
        shapes = tuple(tuple(t.shape) for t in tensors((args, kwargs)))
        rate = getattr(module, "p", None) if kind_of(module) == "dropout" else None
        self.calls.append(
            Call(
                path=path,
                class_name=type(module).__name__,
                index=frame.index,
                root=self._roots,
                parent=parent,
                training=module.training,
                shapes=shapes,
                samples=_samples(module, shapes),
                p=float(rate) if isinstance(rate, (int, float)) else None,
                span=span,
            )
        )
        self.stack.append(frame)
        return frame

    def leave(self, frame: Frame) -> None:
        """The call ended, or an exception passes through it."""
        while self.stack and self.stack.pop() is not frame:
            pass

    def _inline(self, module: nn.Module, parent: str | None) -> str:
        """A name for a module that was made inside a forward, and belongs to nobody."""
        # Kept alive until the run ends: its id must not be mistaken for another's.
        self._made.append(module)
        path = f"{parent}.<{type(module).__name__}>" if parent else f"<{type(module).__name__}>"
        self.inline.setdefault(path, module)
        return path


def _samples(module: nn.Module, shapes: tuple[Shape, ...]) -> int | None:
    """N*H*W of a batch norm's input (N, C, ...), whose first tensor it is."""
    if kind_of(module) != "batchnorm" or not shapes or len(shapes[0]) < 2:
        return None
    count = shapes[0][0]
    for size in shapes[0][2:]:
        count *= size
    return count
