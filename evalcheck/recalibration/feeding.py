"""Turns a loader into large shuffled batches, holding only so much of it in memory at a time.

Batches that are sorted or grouped by class would leave every norm behind the first with the statistics
of inputs that it never gets: the norm in front normalises each batch by that batch. So the samples are
reshuffled across the loader's batches wherever these can be joined.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evalcheck.batch import Batch, join, tree

# Bytes of samples that are held at once to be shuffled.
HELD = 2**30
# Samples, and which of the loader's batches each came in, (n,) int64.
Group = tuple[Batch, Tensor]


@dataclass
class Feed:
    """The samples of a loader in another order, and what was found on the way.

    ``stream`` gives the loader's batches; ``samples`` ends it, or ``batches`` where that is given.
    ``exhausted`` says that it ended by itself, ``sizes`` how large its batches were.
    """

    stream: Iterable[Batch]
    samples: int
    batches: int | None
    seed: int
    held: int = HELD
    exhausted: bool = False
    sizes: list[int] = field(default_factory=list)
    chunks: int = 0
    joined: bool = True
    single: int = 0
    _generator: torch.Generator = field(init=False)
    _cut: torch.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._generator = torch.Generator().manual_seed(self.seed)
        self._cut = torch.Generator().manual_seed(self.seed)

    @property
    def drawn(self) -> int:
        return sum(self.sizes)

    @property
    def loaded(self) -> int:
        return len(self.sizes)

    def grouped(self, size: Callable[[Batch], int]) -> Iterator[Group]:
        """Shuffled batches of about ``size`` samples, which is asked once with the first batch.

        The last chunk is cut evenly, so that no remainder is small.
        """
        wanted: int | None = None
        rest: list[Group] = []
        for chunk, is_last in self._chunks():
            if is_last and self.drawn < 2:
                return  # no statistics of a single sample, which train mode may refuse besides
            self.chunks += 1
            wanted = wanted or max(2, size(chunk[0][0]))
            together = [*rest, *chunk]
            chunk.clear()
            whole, rest = joined(together), []
            if whole is None:
                self.joined = False
                yield from self._as_loaded(together)
                continue
            together.clear()
            order = torch.randperm(whole[0].size, generator=self._generator)
            cuts = _even(order, wanted) if is_last else [*torch.split(order, wanted)]
            if not is_last:
                rest = [_rows(whole, cuts.pop())]
            yield from (_rows(whole, index) for index in cuts)

    def _chunks(self) -> Iterator[tuple[list[Group], bool]]:
        """As many of the loader's batches as memory is meant to hold, and whether they are the last."""
        chunk: list[Group] = []
        held = 0
        for batch in self._wanted():
            if held >= self.held:
                yield chunk, False
                chunk, held = [], 0
            chunk.append((batch, torch.full((batch.size,), self.loaded - 1)))
            held += _bytes(batch)
        if chunk:
            yield chunk, True

    def _wanted(self) -> Iterator[Batch]:
        for batch in self.stream:
            left = self.samples - self.drawn
            if self.batches is None and 0 < left < batch.size and join([batch]) is not None:
                # The beginning of a sorted batch would be no sample of it.
                batch = batch.rows(torch.randperm(batch.size, generator=self._cut)[:left].sort().values)
            self.sizes.append(batch.size)
            yield batch
            if self.loaded >= self.batches if self.batches else self.drawn >= self.samples:
                return
        self.exhausted = True

    def _as_loaded(self, chunk: list[Group]) -> Iterator[Group]:
        """What cannot be joined, but for single samples among larger batches, which train mode may refuse."""
        for batch, origin in chunk:
            if batch.size == 1 and max(self.sizes) > 1:
                self.single += 1
            else:
                yield batch, origin


def joined(groups: Sequence[Group]) -> Group | None:
    """All of them as one; None where shapes do not allow it."""
    whole = join([batch for batch, _ in groups])
    return None if whole is None else (whole, torch.cat([origin for _, origin in groups]))


def _rows(group: Group, index: Tensor) -> Group:
    return group[0].rows(index), group[1][index]


def _even(order: Tensor, size: int) -> list[Tensor]:
    """Parts of nearly one size, none below two thirds of what is wanted."""
    return list(order.tensor_split(max(1, round(len(order) / size))))


def _bytes(batch: Batch) -> int:
    held = tree.leaves([batch.args, batch.kwargs, batch.whole])
    return sum(tensor.numel() * tensor.element_size() for _, tensor in held if not tensor.is_nested)
