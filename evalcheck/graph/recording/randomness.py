"""Which operation drew a random number: seen by the state of the generators, not guessed by names.

Kernels that may draw carry a tag in torch, but carry it at rate 0 too; the state moves only where
something was really drawn.
"""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy
import torch
from torch import Tensor, nn


class Draws:
    """Watches torch's generators of the CPU and of the devices that a model lies on."""

    def __init__(self, model: nn.Module) -> None:
        self._generators = tuple(_generators(model))
        self._states = [generator.get_state() for generator in self._generators]

    def drew(self) -> bool:
        """Whether any of them has moved since the last question."""
        moved = False
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
