"""Numbers carried as the unevaluated sum of two float32, where a device has no float64."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Devices without float64: what is accumulated there is carried in pairs.
WITHOUT_FLOAT64 = {"mps"}
_SPLITTER = 4097.0  # 2^12 + 1 for the 24 bits of float32


@dataclass(frozen=True)
class Pair:
    """``hi + lo`` with ``|lo|`` at most half a unit in the last place of ``hi``: about 48 bits.

    Error-free sums by Knuth's two-sum, products by Dekker's (Numerische Mathematik 18, 1971), which need
    no fused multiply-add. Both are float32 tensors of one shape.
    """

    hi: Tensor
    lo: Tensor

    @classmethod
    def of(cls, value: Tensor | float, like: Tensor) -> Pair:
        """Exact for float32 tensors; a python number keeps 48 of its bits."""
        if isinstance(value, Tensor):
            return cls(value.float(), torch.zeros_like(value, dtype=torch.float32))
        high = torch.full_like(like, value, dtype=torch.float32)
        # The rounding of the high part is known to python in full.
        rounded = float(torch.tensor(value, dtype=torch.float32))
        return cls(high, torch.full_like(high, value - rounded))

    @property
    def rounded(self) -> Tensor:
        """The nearest float32."""
        return self.hi + self.lo

    def __add__(self, other: Pair) -> Pair:
        total, error = _two_sum(self.hi, other.hi)
        low, rest = _two_sum(self.lo, other.lo)
        total, error = _fast_two_sum(total, error + low)
        return Pair(*_fast_two_sum(total, error + rest))

    def __neg__(self) -> Pair:
        return Pair(-self.hi, -self.lo)

    def __sub__(self, other: Pair) -> Pair:
        return self + -other

    def __mul__(self, other: Pair | float) -> Pair:
        if not isinstance(other, Pair):
            other = Pair.of(other, self.hi)
        product, error = _two_product(self.hi, other.hi)
        return Pair(*_fast_two_sum(product, error + (self.hi * other.lo + self.lo * other.hi)))

    def square(self) -> Pair:
        return self * self


def _two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def _fast_two_sum(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """For |a| >= |b|."""
    total = a + b
    return total, b - (total - a)


def _split(a: Tensor) -> tuple[Tensor, Tensor]:
    big = a * _SPLITTER
    high = big - (big - a)
    return high, a - high


def _two_product(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    product = a * b
    (ah, al), (bh, bl) = _split(a), _split(b)
    return product, ((ah * bh - product) + ah * bl + al * bh) + al * bl
