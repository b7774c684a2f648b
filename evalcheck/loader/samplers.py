"""What a sampler means: the order of its indices, how many, and for how many processes.

Known by attributes and by class names, so that no library needs to be imported for it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

import numpy

Order = Literal["sequential", "random", "fixed", "unknown"]

# Words in the class names of samplers of other libraries, in their order of trust.
_RANDOM = re.compile(
    r"Random|Shuffl|Weighted|Balanced|Stratified|Permut|Bootstrap|PKSampler|MPerClass|RepeatAug"
)
_ORDERED = re.compile(r"Sequential|Ordered|InOrder")
_KNOWN = ("SequentialSampler", "RandomSampler", "SubsetRandomSampler", "WeightedRandomSampler")


@dataclass(frozen=True, slots=True)
class Sampling:
    """One pass of a sampler.

    ``fixed`` is an order that is neither sorted nor drawn anew, such as a list. ``drawn`` is the
    number of indices of this process, ``total`` that of all ``replicas``; None where they are
    unknown. ``chosen`` tells that it reads a list of indices that it was given.
    """

    name: str
    order: Order
    drawn: int | None = None
    replacement: bool = False
    chosen: bool = False
    replicas: int = 1
    total: int | None = None


def read(sampler: Any) -> Sampling:
    """The meaning of a sampler; nothing is drawn from it."""
    name, drawn = type(sampler).__name__, length(sampler)
    if isinstance(sampler, (list, tuple, range)):
        return Sampling(name, "sequential" if ascending(sampler) else "fixed", drawn, chosen=True)
    replicas, total = plain(sampler, "num_replicas", int), plain(sampler, "total_size", int)
    return Sampling(
        name=name,
        order=_order(sampler),
        drawn=drawn,
        replacement=plain(sampler, "replacement", bool) is True,
        chosen="SubsetRandomSampler" in _names(sampler),
        replicas=replicas or 1,
        total=total if replicas else None,
    )


def length(item: Any) -> int | None:
    """How long it says that it is; None where it has no length or cannot tell."""
    try:
        return len(item)
    except Exception:
        return None


def plain(item: Any, name: str, kind: type) -> Any:
    """An attribute of exactly this type, else None."""
    try:
        value = getattr(item, name, None)
    except Exception:
        return None
    return value if type(value) is kind else None


def _order(sampler: Any) -> Order:
    names = _names(sampler)
    if (shuffle := plain(sampler, "shuffle", bool)) is not None:
        return "random" if shuffle else "sequential" if "DistributedSampler" in names else "fixed"
    if any(name in _KNOWN and name != "SequentialSampler" for name in names):
        return "random"
    if "SequentialSampler" in names and _iterates_like(sampler, "SequentialSampler"):
        return "sequential"
    own = [name for name in names if name not in (*_KNOWN, "Sampler", "object", "Generic")]
    if any(_RANDOM.search(name) for name in own):
        return "random"
    return "sequential" if any(_ORDERED.search(name) for name in own) else "unknown"


def _iterates_like(sampler: Any, base: str) -> bool:
    """Whether ``__iter__`` is that of the base and not one that a subclass wrote anew."""
    owner = next((kind for kind in type(sampler).__mro__ if "__iter__" in vars(kind)), None)
    return owner is not None and owner.__name__ == base


def _names(item: Any) -> list[str]:
    return [kind.__name__ for kind in type(item).__mro__]


def ascending(indices: Any) -> bool | None:
    """Whether the indices are sorted; None where they are no plain numbers."""
    try:
        array = numpy.asarray(indices)
    except Exception:
        return None
    if array.ndim != 1 or array.dtype.kind not in "iu":
        return None
    return bool((array[1:] > array[:-1]).all())
