"""Running statistics that are no numbers, or variances that no data can have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor

from evalcheck.finding import Sighting, Strength
from evalcheck.graph import ModelGraph, ModuleView
from evalcheck.graph.listing import agree, counted, together

Wrong = Callable[[Tensor, Tensor], Tensor]

BROKEN = (
    "The running statistics of {names} hold values that are not finite, or variances below 0. Eval mode "
    "gives NaN or nonsense in these channels; train mode does not use them and looks right."
)
ZERO = (
    "{names} {have} channels with variance 0 and a mean that is not 0: the input was constant there in "
    "training. Eval mode divides any deviation by the square root of eps, which blows it up."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Channels that are wrong for certain, and constant ones; a dead one (mean 0, variance 0) is usual."""
    norms = [v for v in graph.modules.values() if v.statistics and graph.reached(v.path, "eval") is not False]
    kinds: list[tuple[Wrong, str, Strength]] = [(_broken, BROKEN, "grave"), (_constant, ZERO, "slight")]
    for wrong, text, strength in kinds:
        views = [view for view in norms if _found(view, wrong)]
        if views:
            message = text.format(names=counted(views, "norm"), have=agree(views, "has", "have"))
            columns = {"channels": partial(_found, wrong=wrong)}
            yield together(graph, views, message, "Such channels", columns, strength=strength)


def _broken(mean: Tensor, variance: Tensor) -> Tensor:
    return ~torch.isfinite(mean) | ~torch.isfinite(variance) | (variance < 0)


def _constant(mean: Tensor, variance: Tensor) -> Tensor:
    return (variance == 0) & (mean != 0) & torch.isfinite(mean)


def _found(view: ModuleView, wrong: Wrong) -> str:
    """How many channels of how many, and the first of them; empty where there is none."""
    mean, variance = view.statistics or (torch.empty(0), torch.empty(0))
    where = wrong(mean, variance).nonzero().flatten().tolist()
    if not where:
        return ""
    values = f"mean {float(mean[where[0]]):.3g}, variance {float(variance[where[0]]):.3g}"
    return f"{len(where)} of {len(mean)}; channel {where[0]} has {values}"
