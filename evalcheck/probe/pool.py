"""The held samples that every measurement uses: drawn once, regrouped at will."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, Forward, bind, join, tree
from evalcheck.batch.layouts import dense
from evalcheck.complaint import Complaint
from evalcheck.guard import randomness, restored_randomness
from evalcheck.probe.running.budget import Budget
from evalcheck.probe.spreading import spread


class OutOfMemory(Complaint):
    """The device's memory does not hold a batch of this size."""

    def __init__(self) -> None:
        super().__init__("memory does not hold a single batch: pass a smaller model, or --device cpu")


@dataclass(frozen=True)
class Pool:
    """Batches of one loader. ``whole`` joins them where shapes allow it, so that they can be regrouped."""

    name: str
    batches: tuple[Batch, ...]
    whole: Batch | None
    batch_size: int

    @property
    def samples(self) -> int:
        return self.whole.size if self.whole is not None else sum(batch.size for batch in self.batches)

    def grouped(self, order: Tensor | None = None, size: int | None = None) -> Iterator[Batch]:
        """The samples in another order and in batches of another size.

        A remainder smaller than half a batch joins the batch before it: in train mode a batch of
        one sample is refused by batch norm, and a small one is noise. Batches that cannot be
        joined come as they were loaded.
        """
        if self.whole is None:
            yield from self.batches
            return
        order = torch.arange(self.samples) if order is None else order
        size = min(size or self.batch_size, len(order))
        cuts = list(range(0, len(order), size))
        if len(cuts) > 1 and len(order) - cuts[-1] < max(2, size // 2):
            cuts.pop()
        for start, end in zip(cuts, [*cuts[1:], len(order)], strict=True):
            yield self.whole.rows(order[start:end])

    def first(self, count: int) -> Pool:
        """About the first ``count`` samples: whole batches where these cannot be joined."""
        if self.samples <= count:
            return self
        if self.whole is not None:
            whole = self.whole.rows(torch.arange(count))
            return replace(self, whole=whole, batches=(whole,))
        kept = [batch for index, batch in enumerate(self.batches) if index * self.batch_size < count]
        return replace(self, batches=tuple(kept))

    def split(self) -> tuple[Pool, Pool]:
        """Two halves with no sample in common: one feeds remedies, the other judges them."""
        if self.whole is not None:
            middle = self.samples // 2
            parts = [torch.arange(0, middle), torch.arange(middle, self.samples)]
            return tuple(self._part([self.whole.rows(rows)]) for rows in parts)  # type: ignore[return-value]
        middle = len(self.batches) // 2
        return self._part(self.batches[:middle]), self._part(self.batches[middle:])

    def overlaps(self, other: Pool) -> bool:
        """Whether some sample is in both: what judges a remedy must not have fed it."""
        return not self._prints().isdisjoint(other._prints())

    def _prints(self) -> set[bytes]:
        """Every sample's inputs, digested; samples whose inputs are all zero say nothing."""
        found = set()
        for batch in self.batches:
            inputs = [dense(t) for _, t in tree.leaves([batch.args, batch.kwargs, batch.whole])]
            known = [t for t in inputs if t is not None and t.ndim > 0 and t.shape[0] == batch.size]
            tensors = [t.cpu() for t in known]
            for row in range(batch.size):
                parts = [tensor[row] for tensor in tensors]
                if any(bool(part.any()) for part in parts):
                    digest = hashlib.blake2b(digest_size=16)
                    for part in parts:
                        digest.update(part.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
                    found.add(digest.digest())
        return found

    def halved(self) -> Pool:
        """The same samples in batches of half the size. Raises :class:`OutOfMemory` at one sample."""
        if self.whole is None or self.batch_size <= 1:
            raise OutOfMemory
        return replace(self, batch_size=self.batch_size // 2)

    def _part(self, batches: Sequence[Batch]) -> Pool:
        return Pool(self.name, tuple(batches), join(batches), self.batch_size)


def draw(
    loader: Iterable[Any],
    model: nn.Module,
    name: str,
    *,
    forward: Forward | None = None,
    device: torch.device,
    samples: int = 512,
    batches: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Pool:
    """Draw about ``samples`` samples (or ``batches`` batches) and keep them on ``device``.

    Loaders that read in order are read here and there, so that sorted data give a fair sample. An endless
    loader is left after that, a slow one where the ``budget`` says so. The generators are seeded for the
    draw and put back.
    Raises :class:`Complaint` for a loader that is empty or raises.
    """
    kept: list[Batch] = []
    with restored_randomness(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        randomness.seed(seed)
        for batch in stream(loader, model, name, forward=forward, samples=samples):
            kept.append(batch.to(device))
            drawn = sum(b.size for b in kept)
            enough = len(kept) >= batches if batches else drawn >= samples
            if enough or (budget is not None and budget.is_short(drawn, samples)):
                break
    if not kept:
        raise Complaint(f"{name} is empty: it yielded no batch")
    sizes = [batch.size for batch in kept]
    pool = Pool(name, tuple(kept), join(kept), max(set(sizes), key=lambda s: (sizes.count(s), s)))
    if pool.whole is not None and not batches and pool.samples > samples and pool.batch_size <= samples:
        pool = replace(pool, whole=pool.whole.rows(torch.arange(samples)), batches=())
        pool = replace(pool, batches=tuple(pool.grouped()))
    return pool


def stream(
    loader: Iterable[Any], model: nn.Module, name: str, *, forward: Forward | None = None, samples: int
) -> Iterator[Batch]:
    """The loader's batches where they are, spread over the epoch where it holds more than ``samples``.

    Raises :class:`Complaint` for a loader that raises, and for NaN.
    """
    for raw in _safely(spread(loader, samples), name):
        batch = bind(raw, model, forward)
        _demand_numbers(batch, name)
        yield batch


def _demand_numbers(batch: Batch, name: str) -> None:
    """NaN in the data is not the model's fault, and must not be blamed on its first layer.

    Infinity is let through: masks are made of it.
    """
    for path, tensor in tree.leaves({"input": [*batch.args], **batch.kwargs}):
        numbers = dense(tensor)
        if numbers is not None and numbers.is_floating_point() and bool(numbers.isnan().any()):
            raise Complaint(f"{name} yields NaN in {path} ({tree.shapes(tensor)}): mend the data first")


def _safely(loader: Iterable[Any], name: str) -> Iterator[Any]:
    try:
        yield from loader
    except (Complaint, GeneratorExit):
        raise
    except TypeError as error:
        if not hasattr(loader, "__iter__") and not hasattr(loader, "__getitem__"):
            kind = type(loader).__name__
            raise Complaint(
                f"{name} is a {kind}, which cannot be iterated: pass an iterable of batches"
            ) from None
        raise _raised(name, error) from error
    except Exception as error:
        raise _raised(name, error) from error


def _raised(name: str, error: Exception) -> Complaint:
    first = str(error).strip().split("\n")[0]
    return Complaint(f"{name} raised {type(error).__name__}{': ' * bool(first)}{first}")
