"""Which operation drew a random number: seen by the state of the generators, not guessed by names.

Kernels that may draw carry a tag in torch, but carry it at rate 0 too; the state moves only where
something was really drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from typing import Any

import numpy
import torch
from torch import Tensor, nn


class Draws:
    """Watches torch's generators of the CPU and of the devices that a model lies on."""

    def __init__(self, model: nn.Module) -> None:
        self._generators = tuple(_generators(model))
        self._states = [generator.get_state() for generator in self._generators]
        self._own: object = None
        self._before: Tensor | None = None

    def begin(self, kwargs: Mapping[str, Any]) -> None:
        """Before an operation: what moved until now (a seed that was set) is not its doing."""
        self.drew()
        self._own = kwargs.get("generator") if kwargs else None
        self._before = self._own.get_state() if isinstance(self._own, torch.Generator) else None

    def drew(self) -> bool:
        """Whether any of them has moved since the last question, or the operation's own generator did."""
        moved = False
        if self._before is not None and isinstance(self._own, torch.Generator):
            moved = not torch.equal(self._before, self._own.get_state())
            self._own = self._before = None
        for place, generator in enumerate(self._generators):
            state = generator.get_state()
            if not torch.equal(state, self._states[place]):
                self._states[place] = state
                moved = True
        return moved


class ForeignDraws:
    """Watches python's and numpy's global generators, which torch functions say nothing of."""

    def __init__(self) -> None:
        self._print = _foreign()

    def drew(self) -> bool:
        """Whether any of them has moved since the last question."""
        before, self._print = self._print, _foreign()
        return before != self._print


def _foreign() -> tuple[int, int, bytes]:
    # Asked by the name of a function, numpy gives its global generator's state as a mapping.
    state = numpy.random.get_state(legacy=False)
    inner = state["state"]
    return hash(random.getstate()), int(inner["pos"]), inner["key"][:8].tobytes()


def _generators(model: nn.Module) -> Iterable[torch.Generator]:
    yield torch.default_generator
    held: list[Tensor] = [*model.parameters(), *model.buffers()]
    for device in {tensor.device for tensor in held}:
        if device.type == "cuda":
            yield torch.cuda.default_generators[device.index or 0]
        elif device.type == "mps":
            yield torch.mps._get_default_mps_generator()
