"""What stays as it was around a recalibration: the model, its modes, every generator, autocast's cache."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from evalcheck.guard import untouched


@contextmanager
def aside(model: nn.Module, loader: Iterable[Any], place: torch.device) -> Iterator[None]:
    """The model and all generators are afterwards as they were; no gradients meanwhile."""
    with untouched(model), own_generators(loader), torch.no_grad(), _uncached(place):
        yield


def _uncached(place: torch.device) -> AbstractContextManager[object]:
    """The caller's autocast, since the model is used so; without its cache.

    What it keeps of weights that were cast without gradients would serve the caller's next training step.
    """
    if not torch.amp.is_autocast_available(place.type) or not torch.is_autocast_enabled(place.type):
        return nullcontext()
    return torch.autocast(place.type, torch.get_autocast_dtype(place.type), cache_enabled=False)


@contextmanager
def own_generators(loader: object) -> Iterator[None]:
    """The generators that a loader and its samplers were given are afterwards as they were."""
    sampler = getattr(loader, "sampler", None)
    inner = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    held = {id(g): g for o in (loader, sampler, inner) for g in [getattr(o, "generator", None)]}
    undo = [(g, g.get_state()) for g in held.values() if isinstance(g, torch.Generator)]
    try:
        yield
    finally:
        for generator, state in undo:
            generator.set_state(state)
