"""Training batches that give a batch norm too few values per channel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting, Unanswerable
from evalcheck.loader import LoaderView, norms


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for all norms; the variance of n values has a relative error of about sqrt(2/n)."""
    if not view.plays("train") or (view.norms is not None and not view.norms):
        return
    size, limit = view.plan.batch_size, int(options["samples"])
    if view.norms is None:
        raise Unanswerable("it is not known whether the model reaches a batch norm: it could not be traced")
    if size is None:
        raise Unanswerable("the batch size of the training loader cannot be told")
    size = min(size, view.plan.drawn or size)
    few = sorted((n for n in view.norms if size * n.values < limit), key=lambda n: n.values)
    if not few:
        return
    values = size * few[0].values
    noise = math.sqrt(2 / values)
    message = (
        f"training batches of {size} give {norms.counted(few)} only {values} values per channel: the "
        f"variance of a batch is off by about {noise:.0%}, so that train mode is noisy and eval mode, which "
        "uses averages, computes something else."
    )
    evidence = (
        Measure("values per channel in a training batch", values, limit=limit),
        Measure("expected relative error of a batch's variance", noise),
        norms.listed(few, size),
    )
    yield Sighting("loader", few[0].place, message, evidence, tuple(norm.place for norm in few[1:]))
