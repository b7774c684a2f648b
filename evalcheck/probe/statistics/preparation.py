"""The evaluation inputs brought to the mean and spread of the training inputs, as one preparation would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor

from evalcheck.batch import Batch, tree
from evalcheck.probe.pool import Pool

# Below both, a part of the input is as in training: shift in standard deviations, factor between spreads.
SHIFT, FACTOR = 0.25, 1.25
# With fewer samples the mean of a single feature is noise, and all features share one.
ENOUGH = 64
CONSTANT = 1e-6


def alike(held: Pool, feed: Pool) -> Pool | None:
    """The held samples with the first two moments that the same input has on the feed.

    Channel by channel for pictures (N, C, H, W), feature by feature for rows (N, D) of enough samples,
    else for the input as a whole. Only parts that are far off are changed: the pool itself where none is.
    None where the samples cannot be joined, and where types or layouts differ.
    """
    here, there = held.whole, feed.whole
    if here is None or there is None or not _comparable(here, there):
        return None
    changed = {id(old): new for old, new in _changed(here, there)}
    if not changed:
        return held
    parts = (here.args, here.kwargs, here.whole)
    args, kwargs, raw = (tree.map_tensors(lambda t: changed.get(id(t), t), part) for part in parts)
    whole = replace(here, args=args, kwargs=kwargs, whole=raw)
    return replace(held, whole=whole, batches=(whole,))


def _comparable(here: Batch, there: Batch) -> bool:
    """Whether both have the same inputs, in types and channels too: moments tell nothing of these."""
    known, trained = dict(_inputs(here)), dict(_inputs(there))
    return known.keys() == trained.keys() != set() and all(
        one.dtype == trained[path].dtype
        and one.ndim == trained[path].ndim
        and (one.ndim < 4 or one.shape[1] == trained[path].shape[1])
        for path, one in known.items()
    )


def _changed(here: Batch, there: Batch) -> Iterator[tuple[Tensor, Tensor]]:
    """Each part of the held inputs that is far from training's, and what it would be."""
    known = dict(_inputs(there))
    for path, values in _inputs(here):
        trained = known[path]
        if not _apart(values, trained):
            continue
        axis = _channels(values, trained)
        (mean, std), (mean_there, std_there) = _moments(values, axis), _moments(trained, axis)
        least = CONSTANT * std_there.max().clamp_min(1e-30)
        factor = torch.where((std > least) & (std_there > least), std_there / std, 1.0)
        yield values, ((values.double() - mean) * factor + mean_there).to(values.dtype)


def _inputs(batch: Batch) -> Iterator[tuple[str, Tensor]]:
    """Floating point tensors with a row per sample that are no targets, by path."""
    targets = [target for _, target in tree.leaves(batch.targets)]
    parts = {"args": batch.args, "kwargs": batch.kwargs, "whole": batch.whole}
    for path, values in tree.leaves(parts):
        plain = values.layout is torch.strided and not values.is_nested and values.is_floating_point()
        rows = plain and values.ndim > 0 and values.shape[0] == batch.size and values.numel() > batch.size
        if rows and not any(_same(values, target) for target in targets):
            yield path, values


def _same(one: Tensor, two: Tensor) -> bool:
    return one.shape == two.shape and one.dtype == two.dtype and bool((one == two).all())


def _apart(here: Tensor, there: Tensor) -> bool:
    (mean, std), (mean_there, std_there) = _moments(here, None), _moments(there, None)
    if not all(bool(m.isfinite().all()) for m in (mean, std, mean_there, std_there)):
        return False
    shift = float((mean - mean_there).abs()) / max(float(std + std_there) / 2, 1e-30)
    factor = float(std / std_there.clamp_min(1e-30))
    return shift > SHIFT or not 1 / FACTOR < factor < FACTOR


def _channels(here: Tensor, there: Tensor) -> int | None:
    """The axis of what was prepared by itself; None for all as one."""
    if here.shape[1] != there.shape[1] or here.ndim not in (2, 4, 5):
        return None
    return 1 if here.ndim > 2 or min(len(here), len(there)) >= ENOUGH else None


def _moments(values: Tensor, axis: int | None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation, float64, of a shape that fits ``values``."""
    axes = [index for index in range(values.ndim) if index != axis]
    std, mean = torch.std_mean(values.double(), axes, correction=0, keepdim=True)
    return mean, std
