"""Where the random generators stand: who drew, and the way back."""

from __future__ import annotations

import random
import sys
from typing import Any

import torch
from torch import nn

from evalcheck.guard import randomness
from evalcheck.guard.kinds import Kind
from evalcheck.guard.reach import walk
from evalcheck.guard.undo import Undo, take


class Start:
    """The place where all generators stand now, the global ones and those that the model keeps."""

    def __init__(self, model: nn.Module) -> None:
        self._undo: list[Undo] = randomness.capture()
        for kind, holder in walk(model).holders:
            if kind is Kind.GENERATOR:
                self._undo += randomness.note(holder)

    def rewind(self) -> None:
        """Put them back, as often as wanted: what is drawn next is what was drawn after the start."""
        take(self._undo)


def positions() -> dict[str, Any]:
    """The states of the global generators, by the name of their library, as comparable values."""
    found: dict[str, Any] = {"torch": torch.get_rng_state().numpy().tobytes(), "python": random.getstate()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["CUDA"] = [state.numpy().tobytes() for state in torch.cuda.get_rng_state_all()]
    if torch.backends.mps.is_available():
        found["MPS"] = torch.mps.get_rng_state().cpu().numpy().tobytes()
    if "numpy" in sys.modules:
        name, keys, *rest = sys.modules["numpy"].random.get_state()
        found["numpy"] = (name, keys.tobytes(), *rest)
    return found


def moved(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """The libraries whose global generator something was drawn from in between."""
    return tuple(name for name, state in after.items() if name in before and before[name] != state)
