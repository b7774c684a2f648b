"""What one made-up tensor looks like, and how its values are drawn."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

SAMPLES = 8
STEPS = 16


@dataclass(frozen=True)
class Spec:
    """A tensor to be: normal numbers, or integers from ``low`` to below ``high``; True where bool.

    ``batch`` is the axis of the samples, None where there is none. The axes of ``free`` may get
    another size together: nothing but a trial tells which. ``layer`` is the path of the module that
    the shape comes from. ``last`` ends each row: the end of a sentence. ``sample`` are values that
    the model declares: its rows are kept, and further ones are drawn from them.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype = torch.float32
    low: int = 0
    high: int = 2
    batch: int | None = 0
    free: tuple[int, ...] = ()
    layer: str | None = field(default=None, compare=False)
    last: int | None = None
    sample: Tensor | None = field(default=None, compare=False, repr=False)

    @property
    def size(self) -> int | None:
        """The common size of the free axes."""
        return self.shape[self.free[0]] if self.free else None

    def resized(self, size: int) -> Spec:
        """With another size along the free axes."""
        shape = tuple(size if axis in self.free else n for axis, n in enumerate(self.shape))
        return replace(self, shape=shape)

    def counted(self, samples: int) -> Spec:
        """With another number of samples."""
        if self.batch is None or not self.shape:
            return self
        shape = tuple(samples if axis == self.batch else n for axis, n in enumerate(self.shape))
        return replace(self, shape=shape)

    def blank(self) -> Tensor:
        """On the meta device: no memory, no values."""
        return torch.empty(self.shape, dtype=self.dtype, device="meta")

    def draw(self, generator: torch.Generator) -> Tensor:
        """The values: images and features as normalised data has them, N(0, 1)."""
        if self.sample is not None:
            return _more_of(self.sample, self.shape, generator)
        if self.dtype is torch.bool:
            return torch.full(self.shape, bool(self.low), dtype=torch.bool)
        if self.dtype.is_floating_point:
            return torch.randn(self.shape, generator=generator).to(self.dtype)
        whole = torch.randint(self.low, max(self.high, self.low + 1), self.shape, generator=generator)
        if self.last is not None:
            whole[..., -1] = self.last
        return whole.to(self.dtype)


def floats(*shape: int, free: tuple[int, ...] = (), batch: int | None = 0, layer: str | None = None) -> Spec:
    """Normal numbers."""
    return Spec(shape, free=free, batch=batch, layer=layer)


def ids(*shape: int, below: int, layer: str | None = None) -> Spec:
    """Whole numbers that an embedding of ``below`` rows has; 0 and 1 are left to padding if they can be."""
    return Spec(shape, torch.int64, min(2, max(below - 2, 0)), below, layer=layer)


def constant(*shape: int, value: int, dtype: torch.dtype = torch.int64, batch: int | None = 0) -> Spec:
    """One whole number everywhere: a mask of ones, the full length."""
    return Spec(shape, dtype, value, value + 1, batch=batch)


def _more_of(sample: Tensor, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """The declared rows, then rows of values like theirs: repeated rows would have no variance."""
    sample = sample.detach().cpu()
    missing = shape[0] - sample.shape[0] if shape else 0
    if missing <= 0:
        return sample.clone()
    rest = (missing, *shape[1:])
    if sample.numel() == 0 or sample.dtype is torch.bool or sample.is_complex():
        fresh = sample[torch.arange(missing) % sample.shape[0]]
    elif bool((sample == sample.reshape(-1)[0]).all()) and sample.is_floating_point() and sample.ndim > 2:
        fresh = torch.randn(rest, generator=generator).to(sample.dtype)
    else:
        picks = torch.randint(0, sample.numel(), rest, generator=generator)
        fresh = sample.reshape(-1)[picks]
    return torch.cat([sample, fresh])
