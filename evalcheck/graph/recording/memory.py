"""Which part of a memory a tensor looks at: two views of one memory need not share an element."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Region:
    """A strided view: where it begins, and its sizes and strides (in elements), sizes of one left out."""

    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]

    def meets(self, other: Region) -> bool:
        """Whether they may share an element. Exact for blocks of one common layout, else by their ends."""
        if self._end() <= other.offset or other._end() <= self.offset:
            return False
        if self.strides == other.strides and all(stride > 0 for stride in self.strides):
            mine, theirs = self._corner(), other._corner()
            if mine is not None and theirs is not None:
                pairs = zip(mine, theirs, self.sizes, other.sizes, strict=True)
                return all(a < b + m and b < a + n for a, b, n, m in pairs)
        return True

    def _end(self) -> int:
        spans = zip(self.sizes, self.strides, strict=True)
        return self.offset + sum((size - 1) * abs(stride) for size, stride in spans) + 1

    def _corner(self) -> tuple[int, ...] | None:
        """The first element's place along each stride; None where the block does not fit into its rows."""
        corner, rest, above = [], self.offset, None
        for size, stride in zip(self.sizes, self.strides, strict=True):
            place, rest = divmod(rest, stride)
            if above is not None and (place + size) * stride > above:
                return None
            corner.append(place)
            above = stride
        return tuple(corner)


def region(tensor: Tensor) -> Region | None:
    """The tensor's part of its memory; None where it has none that strides describe."""
    try:
        pairs = zip(tensor.stride(), tensor.shape, strict=True)
        dims = sorted(((stride, size) for stride, size in pairs if size != 1), reverse=True)
        return Region(int(tensor.storage_offset()), tuple(s for _, s in dims), tuple(t for t, _ in dims))
    except (RuntimeError, NotImplementedError):
        return None


def storage(tensor: Tensor) -> int:
    """The address of the tensor's memory, by which views of it are known; 0 without memory."""
    try:
        return tensor.untyped_storage().data_ptr()
    except (RuntimeError, NotImplementedError):
        return 0


def shape(tensor: Tensor) -> tuple[int, ...]:
    """The sizes; none for a nested tensor, whose rows have several."""
    try:
        return tuple(tensor.shape)
    except RuntimeError:
        return ()
