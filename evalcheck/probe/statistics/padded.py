"""What padding does to the statistics of norms over sequences: with it, and without."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.dependence import sequences
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.copied import is_copy
from evalcheck.probe.statistics.collecting import given
from evalcheck.probe.statistics.moments import Moments


@dataclass
class Padded:
    """Statistics by norm over all positions, and over those that hold data.

    ``told_by`` is the input that says which do, ``share`` the part of the positions that is padding.
    """

    told_by: str
    share: float
    whole: dict[str, Moments] = field(default_factory=dict)
    valid: dict[str, Moments] = field(default_factory=dict)


def measured(passes: Passes, pool: Pool) -> Padded | None:
    """From one pass with norms on batch statistics; None where the batches tell nothing of padding.

    Norms see (N, C, L), or (N * L, C) in rows; other shapes are passed by. Only masks and lengths that are
    recognised count: an image with a constant border is no padding.
    """
    batches = list(pool.grouped())
    told = [sequences.recognised(batch, passes.model) for batch in batches]
    known = [found for found in told if found is not None]
    if len(known) < len(batches) or not known:
        return None
    count = sum(found.valid.numel() for found in known)
    share = 1 - sum(int(found.valid.sum()) for found in known) / count
    padded = Padded(known[0].name, share)
    if share == 0:
        return padded
    masks = iter(known)
    with _splitting(passes.norms, padded) as point, passes.answerable(modes.batch_statistics):
        passes.run(pool, modes.batch_statistics, before=lambda: point(next(masks).valid))
    return padded


@contextmanager
def _splitting(norms: Mapping[str, _BatchNorm], padded: Padded) -> Iterator[Any]:
    """Yields a function that says which positions of the next batch hold data."""
    current: list[tuple[Tensor, int]] = []

    def point(valid: Tensor) -> None:
        current[:] = [(valid, int(valid.sum()))]

    def see(path: str, norm: nn.Module, x: Tensor) -> None:
        if is_copy(norm, norms[path]):
            return
        valid, count = current[0]
        rows = _rows(x.detach(), valid)
        if rows is None:
            return
        weight = valid.reshape(-1, 1).to(rows)
        mean = (weight * rows).sum(0) / count
        var = (weight * (rows - mean).square()).sum(0) / count
        parts = Moments.of(rows), Moments.merged([count], [mean], [var])
        for table, seen in zip((padded.whole, padded.valid), parts, strict=True):
            table[path] = table[path] + seen if path in table else seen

    hooks = [
        norm.register_forward_pre_hook(
            lambda norm, args, kwargs, path=path: see(path, norm, given(args, kwargs)), with_kwargs=True
        )
        for path, norm in norms.items()
    ]
    try:
        yield point
    finally:
        for hook in hooks:
            hook.remove()


def _rows(x: Tensor, valid: Tensor) -> Tensor | None:
    """A norm's input as one row for each position, (N * L, C); None for other shapes."""
    if x.ndim == 3 and (x.shape[0], x.shape[2]) == tuple(valid.shape):
        return x.transpose(1, 2).reshape(-1, x.shape[1]).float()
    if x.ndim == 2 and x.shape[0] == valid.numel():
        return x.float()
    return None
