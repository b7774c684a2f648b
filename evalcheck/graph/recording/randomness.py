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
from torch import Tensor


class Draws:
    """Watches torch's generators of the CPU and of the devices that a model lies on."""

    def __init__(self, held: Iterable[Tensor]) -> None:
        self._generators = tuple(_generators(held))
        self._states = [_print(generator) for generator in self._generators]
        self._own: torch.Generator | None = None
        self._before: bytes | None = None

    def begin(self, kwargs: Mapping[str, Any]) -> None:
        """Before an operation: what moved until now (a seed that was set) is not its doing."""
        self.drew()
        given = kwargs.get("generator") if kwargs else None
        self._own = given if given is not None and isinstance(given, torch.Generator) else None
        self._before = _print(self._own) if self._own is not None else None

    def drew(self) -> bool:
        """Whether any of them has moved since the last question, or the operation's own generator did."""
        moved = False
        if self._own is not None:
            moved = self._before != _print(self._own)
            self._own = self._before = None
        for place, generator in enumerate(self._generators):
            state = _print(generator)
            if state != self._states[place]:
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


def _print(generator: torch.Generator) -> bytes:
    # The CPU's state begins with the seed and the position, and goes on with numbers that are drawn anew
    # each time the position comes round; a GPU's is a seed and an offset.
    return generator.get_state().numpy()[:32].tobytes()


def _generators(held: Iterable[Tensor]) -> Iterable[torch.Generator]:
    yield torch.default_generator
    for device in {tensor.device for tensor in held}:
        if device.type == "cuda":
            yield torch.cuda.default_generators[device.index or 0]
        elif device.type == "mps":
            yield torch.mps._get_default_mps_generator()
