"""How a loader goes over its data, as far as its attributes say; nothing is drawn for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch.utils.data import IterableDataset

from evalcheck.loader import samplers, streams
from evalcheck.loader.samplers import Order, Sampling, length, plain

Style = Literal["indexed", "stream", "batches", "unknown"]

# Where wrappers keep the loader that does the work: timm's prefetcher, accelerate, home-made ones.
_INSIDE = ("loader", "dataloader", "data_loader", "_loader", "_dataloader", "base_dataloader", "dl")
_WRAPPED = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes are samples of this process in one pass; None where nothing tells.

    ``style`` is how samples are reached: by index, from a stream, as ready batches. ``size`` is the
    length of the dataset. ``own_batches`` tells of a batch sampler that is not torch's, whose batches
    need not have one size. ``batch_size`` is None where the dataset yields batches itself.
    """

    style: Style
    order: Order
    size: int | None = None
    sampling: Sampling | None = None
    batch_size: int | None = None
    drop_last: bool = False
    own_batches: bool = False
    workers: int = 0
    persistent: bool = False
    starts: bool = False

    @property
    def drawn(self) -> int | None:
        """Samples that one pass draws before an incomplete batch is dropped."""
        if self.style == "indexed" and self.sampling is not None:
            return None if self.own_batches else self.sampling.drawn
        # Each worker of a stream cuts batches of its own share.
        return self.size if self.style == "stream" and self.workers < 2 else None

    @property
    def remainder(self) -> int | None:
        """Samples over after the last full batch; 0 where it comes out even."""
        if self.drawn is None or not self.batch_size:
            return None
        return self.drawn % self.batch_size

    @property
    def dropped(self) -> int | None:
        """Samples that ``drop_last`` leaves out of one pass."""
        return self.remainder if self.drop_last else 0

    @property
    def whole(self) -> int | None:
        """Samples that a pass of all processes should give."""
        return self.size if self._divided else self.drawn

    @property
    def lost(self) -> int:
        """Samples that a pass of all processes leaves out, as far as it can be told."""
        if not self._divided or self.sampling is None or self.size is None:
            return self.dropped or 0
        short = max(0, self.size - (self.sampling.total or self.size))
        return short + (self.dropped or 0) * self.sampling.replicas

    @property
    def _divided(self) -> bool:
        return self.sampling is not None and self.sampling.total is not None

    @property
    def batches(self) -> int | None:
        """Batches of one pass."""
        if self.drawn is None or not self.batch_size:
            return None
        return self.drawn // self.batch_size + (bool(self.remainder) and not self.drop_last)

    @property
    def padded(self) -> int:
        """Samples that a sampler for several processes repeats, so that all get equally many."""
        if self.sampling is None or self.sampling.total is None or self.size is None:
            return 0
        return max(0, self.sampling.total - self.size)


def read(loader: Any) -> Plan:
    """The plan of a DataLoader, of what looks like one, or of a list of batches."""
    if isinstance(loader, (list, tuple)):
        return Plan("batches", "sequential")
    loader = working(loader)
    dataset = _attribute(loader, "dataset")
    if dataset is None:
        shuffle = plain(loader, "shuffle", bool)
        order: Order = "unknown" if shuffle is None else "random" if shuffle else "sequential"
        return Plan("unknown", "random" if streams.shuffled(loader) else order)
    if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__"):
        return _streaming(loader, dataset)
    return _indexed(loader, dataset)


def working(loader: Any) -> Any:
    """The loader itself, or the one inside its wrappers that draws samples."""
    for _ in range(_WRAPPED):
        if _draws(loader):
            break
        inner = next((i for name in _INSIDE if (i := _attribute(loader, name)) is not None), None)
        if inner is None or isinstance(inner, type):
            break
        loader = inner
    return loader


def _draws(loader: Any) -> bool:
    own = getattr(loader, "__dict__", {})
    return "dataset" in own and any(name in own for name in ("batch_sampler", "sampler", "batch_size"))


def _indexed(loader: Any, dataset: Any) -> Plan:
    batches, own = _batch_sampler(loader)
    if batches is None:
        sampler = _attribute(loader, "sampler")
    else:
        sampler = batches if own else _attribute(batches, "sampler")
    sampling = samplers.read(sampler) if sampler is not None else None
    shuffle = plain(loader, "shuffle", bool)
    order = sampling.order if sampling else "unknown" if shuffle is None else "random" if shuffle else "fixed"
    holder = loader if batches is None else batches
    return Plan(
        style="indexed",
        order=order,
        size=length(dataset),
        sampling=sampling,
        batch_size=plain(holder, "batch_size", int),
        drop_last=plain(holder, "drop_last", bool) is True,
        own_batches=own,
        **_work(loader),
    )


def _batch_sampler(loader: Any) -> tuple[Any, bool]:
    """The batch sampler, and whether it is one that was written by somebody else."""
    batches = _attribute(loader, "batch_sampler")
    # timm and others repeat a batch sampler for ever, so that workers live on.
    if type(batches).__name__ == "_RepeatSampler":
        batches = _attribute(batches, "sampler")
    if batches is None:
        return None, False
    kind = next((k for k in type(batches).__mro__ if "__iter__" in vars(k)), type(batches))
    return batches, kind.__name__ != "BatchSampler"


def _streaming(loader: Any, dataset: Any) -> Plan:
    return Plan(
        style="stream",
        order="random" if streams.shuffled(dataset) else "unknown",
        size=length(dataset),
        batch_size=plain(loader, "batch_size", int),
        drop_last=plain(loader, "drop_last", bool) is True,
        **_work(loader),
    )


def _work(loader: Any) -> dict[str, Any]:
    return {
        "workers": plain(loader, "num_workers", int) or 0,
        "persistent": plain(loader, "persistent_workers", bool) is True,
        "starts": _attribute(loader, "worker_init_fn") is not None,
    }


def _attribute(item: Any, name: str) -> Any:
    try:
        return getattr(item, name, None)
    except Exception:
        return None
