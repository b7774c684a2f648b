"""One state_dict of those of several ranks, whose running statistics went apart.

Variances by the law of total variance, E[var] + Var[mean]: the average of variances alone leaves out how
far the ranks' means are apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from evalcheck.complaint import Complaint

State = Mapping[str, Tensor]
MEAN, VAR, COUNT = "running_mean", "running_var", "num_batches_tracked"


def merged(states: Sequence[State], counts: Sequence[int] | None = None) -> dict[str, Tensor]:
    """The state_dict of all ranks together: shapes and types as in the states, on the first one's device.

    ``running_mean`` is the mean over ranks weighted by ``counts``, the numbers of samples that each rank has
    seen (equal where not given); ``running_var`` the weighted mean of ``var + mean**2`` less the square of
    the merged mean; both computed in float64 and cast back. ``num_batches_tracked`` is the largest. All else
    must agree bit for bit. Raises :class:`Complaint` that names the first entry that does not, and for
    states or counts that do not fit each other.
    """
    weights = _weights(states, counts)
    found: dict[str, Tensor] = {}
    for name, first in states[0].items():
        values = [state[name].detach().cpu() for state in states]
        if any(value.shape != first.shape or value.dtype != first.dtype for value in values):
            raise Complaint(f"the ranks' {name!r} differ in shape or type: they are not of one model")
        last = name.rpartition(".")[2]
        if last == COUNT:
            found[name] = torch.stack(values).amax(0).to(first.device)
        elif last in (MEAN, VAR) and first.is_floating_point():
            found[name] = _moment(states, name, values, weights).to(first)
        else:
            found[name] = _agreed(name, values).to(first.device)
    return found


def _moment(states: Sequence[State], name: str, values: Sequence[Tensor], weights: Tensor) -> Tensor:
    stacked, share = _wide(values), weights.view(-1, *(1 for _ in values[0].shape))
    if name.endswith(MEAN):
        return (share * stacked).sum(0)
    partner = name.removesuffix(VAR) + MEAN
    if partner not in states[0]:
        raise Complaint(f"there is {name!r} and no {partner!r}: variances cannot be merged without means")
    means = _wide([state[partner].detach().cpu() for state in states])
    centre = (share * means).sum(0)
    # As squares of differences: the difference of squares would lose digits where means are large.
    return (share * (stacked + (means - centre).square())).sum(0)


def _wide(values: Sequence[Tensor]) -> Tensor:
    return torch.stack([value.double() for value in values])


def _agreed(name: str, values: Sequence[Tensor]) -> Tensor:
    first = values[0]
    for rank, value in enumerate(values):
        if not _equal(first, value):
            raise Complaint(
                f"{name!r} of rank {rank} is not that of rank 0, and only running statistics can be merged: "
                "load one rank's parameters into all first"
            )
    return first.clone()


def _equal(one: Tensor, two: Tensor) -> bool:
    if one.is_floating_point() or one.is_complex():
        return torch.allclose(one, two, rtol=0, atol=0, equal_nan=True)
    return torch.equal(one, two)


def _weights(states: Sequence[State], counts: Sequence[int] | None) -> Tensor:
    """Shares that sum to one, (ranks,) float64."""
    if not states:
        raise Complaint("there is no state to merge")
    for rank, state in enumerate(states):
        if state.keys() != states[0].keys():
            odd = min(state.keys() ^ states[0].keys())
            raise Complaint(
                f"the states of rank 0 and rank {rank} do not hold the same: {odd!r} is in one only"
            )
    if counts is None:
        counts = [1] * len(states)
    if len(counts) != len(states):
        raise Complaint(f"{len(states)} states and {len(counts)} counts: give one count per state")
    if any(count < 0 for count in counts) or not any(counts):
        raise Complaint("counts are numbers of samples: none below 0, and one above")
    shares = torch.tensor(counts, dtype=torch.float64)
    return shares / shares.sum()
