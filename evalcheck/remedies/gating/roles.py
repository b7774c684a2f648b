"""What a tensor stands for that was drawn: uniform numbers, or a mask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# A value this large is put where nothing shall be looked at: a share of it would be no mean of anything.
LARGE = 1e4


@dataclass(frozen=True)
class Uniform:
    """Numbers between ``low`` and ``high``, in either order, which stand for their mean."""

    low: float
    high: float

    @property
    def least(self) -> float:
        return min(self.low, self.high)

    @property
    def width(self) -> float:
        return abs(self.high - self.low)

    def below(self, limit: Any) -> Any:
        """The chance of each to be below ``limit``, a number or a tensor."""
        share = (limit - self.least) / (self.width or 1.0)
        return share.clamp(0, 1) if isinstance(share, Tensor) else min(1.0, max(0.0, share))

    def moved(self, name: str, by: float) -> Uniform:
        """After an affine function of that name, such as ``add`` or ``__rsub__``."""
        step = getattr(Tensor, name if name.startswith("__") else name.removesuffix("_"))
        low, high = (float(step(torch.tensor(end, dtype=torch.float64), by)) for end in (self.low, self.high))
        return Uniform(low, high)


@dataclass(frozen=True)
class Chance:
    """Chances that stand for a mask: of zeros and ones, or, if ``boolean``, of yes and no."""

    boolean: bool


Role = Uniform | Chance


def blended(chance: Tensor, one: Any, other: Any) -> Tensor | None:
    """``one`` with that chance, else ``other``; None where their mean says nothing."""
    if not (_is_usual(one) and _is_usual(other)):
        return None
    kind = next(
        (v.dtype for v in (other, one) if isinstance(v, Tensor) and v.is_floating_point()), chance.dtype
    )
    chance = chance.to(kind)
    found: Tensor = chance * one + (1 - chance) * other
    return found


def _is_usual(value: Any) -> bool:
    if isinstance(value, Tensor):
        return not value.numel() or bool((value.abs() < LARGE).all())
    return bool(abs(value) < LARGE)
