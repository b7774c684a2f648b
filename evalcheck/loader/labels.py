"""How labels are mixed within batches, against how they are mixed over all of the data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy
import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, Subset, TensorDataset

from evalcheck.batch.binding import TARGETS
from evalcheck.loader.inputs import target_of
from evalcheck.loader.sample import Sample
from evalcheck.loader.samplers import length

NAMES = ("targets", "labels", "_labels", "_targets", "label", "target", "y", "ys")
SIMULATED, ROUNDING = 2000, 1e-6


@dataclass(frozen=True, slots=True)
class Mix:
    """Entropies in nats, each the mean over ``batches``.

    ``within`` is that of the labels of a batch, ``expected`` what batches of these sizes would have
    if they were drawn from all ``classes`` at random; ``chance`` is how likely that would give as
    little as ``within``. ``free`` tells that no sample had to be read.
    """

    within: float
    expected: float
    chance: float
    batches: int
    classes: int
    free: bool

    @property
    def ratio(self) -> float:
        return self.within / self.expected if self.expected else 1.0


def mix(batches: Sequence[Sequence[int]], overall: Sequence[int], free: bool = False) -> Mix | None:
    """The mix of some batches' labels; None with one class, or where no batch could mix them."""
    batches = [batch for batch in batches if len(batch) > 1]
    if not batches or len(set(overall)) < 2:
        return None
    generator = torch.Generator().manual_seed(0)
    pool = torch.tensor(list(overall))
    means = torch.zeros(SIMULATED)
    for size, count in Counter(map(len, batches)).items():
        drawn = pool[torch.randint(len(pool), (SIMULATED, size), generator=generator)]
        every = torch.tensor([_entropy(row) for row in drawn.tolist()])
        again = torch.randint(SIMULATED, (SIMULATED, count), generator=generator)
        means += every[again].sum(1) / len(batches)
    within = sum(_entropy(batch) for batch in batches) / len(batches)
    chance = float((means <= within + ROUNDING).double().mean())
    return Mix(within, float(means.mean()), chance, len(batches), len(set(overall)), free)


def known(dataset: Any) -> Tensor | None:
    """The class labels that a dataset keeps beside its samples, int64 of shape (n,); None without.

    Followed through subsets and concatenations; no sample is read.
    """
    size = length(dataset)
    if size is None:
        return None
    if isinstance(dataset, Subset):
        inner = known(dataset.dataset)
        return inner[torch.as_tensor(list(dataset.indices))] if inner is not None else None
    if isinstance(dataset, ConcatDataset):
        every = [labels for one in dataset.datasets if (labels := known(one)) is not None]
        return torch.cat(every) if every and len(every) == len(dataset.datasets) else None
    if isinstance(dataset, TensorDataset):
        return _classes(dataset.tensors[-1], size) if len(dataset.tensors) > 1 else None
    own = getattr(dataset, "__dict__", {})
    found = (_classes(own[name], size) for name in NAMES if name in own)
    return next((labels for labels in found if labels is not None), None)


def label(item: Any) -> int | None:
    """The class label of one sample: an integer under a target's name, or the second of a pair."""
    if isinstance(item, Mapping):
        value = next((item[name] for name in TARGETS if name in item), None)
    elif isinstance(item, (list, tuple)) and len(item) == 2:
        value = item[1]
    else:
        value = next((getattr(item, name) for name in TARGETS if hasattr(item, name)), None)
    if isinstance(value, Tensor) and value.numel() == 1:
        value = value.item()
    if isinstance(value, (numpy.ndarray, numpy.generic)) and value.size == 1:
        value = value.item()
    return int(value) if isinstance(value, int) else None


def in_row(row: Sample) -> int | None:
    """The same of a sample that was cut out of a batch."""
    root = target_of(row)
    leaf = row.get(root) if root is not None else None
    whole = (
        isinstance(leaf, Tensor) and leaf.numel() == 1 and not (leaf.is_floating_point() or leaf.is_complex())
    )
    return int(leaf.item()) if whole and isinstance(leaf, Tensor) else None


def _classes(values: Any, size: int) -> Tensor | None:
    if length(values) != size or isinstance(values, (str, bytes, dict)):
        return None
    try:
        array = numpy.asarray(values)
    except Exception:
        return None
    whole = array.dtype.kind in "iub" and array.ndim == 1
    return torch.from_numpy(array.astype("int64")) if whole else None


def _entropy(labels: Sequence[int]) -> float:
    shares = [count / len(labels) for count in Counter(labels).values()]
    return -sum(share * math.log(share) for share in shares)
