"""A pool in two halves, so that each can be judged by what only the other has fed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from evalcheck.batch import Batch, join
from evalcheck.finding import Unanswerable
from evalcheck.probe import Pool
from evalcheck.probe.running import outputs
from evalcheck.probe.running.runner import Run


def halves(pool: Pool) -> list[tuple[Pool, Tensor]]:
    """Two pools with no sample in common, and at which rows of the pool each one's samples stand, (n,) int64.

    Drawn at random, since loaders may be sorted; of batches that cannot be joined every second one.
    """
    if pool.whole is not None:
        order = torch.randperm(pool.samples, generator=torch.Generator().manual_seed(6))
        index = [part.sort().values for part in order.tensor_split(2)]
        return [(_part(pool, (pool.whole.rows(rows),)), rows) for rows in index]
    if len(pool.batches) < 2:
        raise Unanswerable("it takes two batches or more")
    places = torch.split(torch.arange(pool.samples), [batch.size for batch in pool.batches])
    return [(_part(pool, pool.batches[side::2]), torch.cat(places[side::2])) for side in (0, 1)]


def joined(runs: Sequence[Run], index: Tensor) -> Run:
    """One run over all samples from runs over parts of them, whose rows stand at ``index``, (N,) int64."""
    back = torch.argsort(index)
    leaves = outputs.joined([run.leaves for run in runs])
    names = [name for name in runs[0].scores if all(name in run.scores for run in runs)]
    scores = {name: torch.cat([run.scores[name] for run in runs]) for name in names}
    return Run(
        {path: leaf[back.to(leaf.device)] for path, leaf in leaves.items()},
        {name: values[back.to(values.device)] for name, values in scores.items()},
    )


def _part(pool: Pool, batches: Sequence[Batch]) -> Pool:
    return replace(pool, batches=tuple(batches), whole=join(batches))
