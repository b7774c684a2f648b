"""Batch norms that got too few values per channel in the recorded forward in train mode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting, Unanswerable
from evalcheck.graph import ModelGraph, ModuleView, uses
from evalcheck.graph.listing import counted, together


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for all norms. The variance of n values has a relative error of about sqrt(2/(n-1)).

    The batch need not be one of training, whose size only its loader knows: a hypothesis.
    """
    trace, limit = uses.in_train(graph), int(options["samples"])
    norms = [view for view in graph.modules.values() if view.kind == "batchnorm" and _values(graph, view)]
    if norms and graph.synthetic:
        raise Unanswerable("the input was made up, and so is the number of its samples")
    few = sorted((v for v in norms if _values(graph, v) < limit), key=lambda v: _values(graph, v))
    if few:
        yield _sighting(graph, few, limit, trace.batch_size)
    else:
        uses.demand_ended(trace, graph)


def _values(graph: ModelGraph, view: ModuleView) -> int:
    """The fewest values per channel in a call that normalised by the batch; 0 where there was none."""
    return min((call.samples or 0 for call in uses.updating(graph, view)), default=0)


def _sighting(graph: ModelGraph, few: list[ModuleView], limit: int, size: int | None) -> Sighting:
    values = _values(graph, few[0])
    noise = math.sqrt(2 / (values - 1)) if values > 1 else math.inf
    batch = f"A batch of {size}" if size else "This batch"
    return together(
        graph,
        few,
        f"{batch}, as it was traced, gives {counted(few, 'batch norm')} only {values} values per channel. If "
        f"training batches are as small, the variance of a batch is off by about {noise:.0%}: train mode is "
        "noisy, and eval mode, which uses averages, computes something else.",
        "Batch norms with few values per channel",
        {"values": lambda view: _values(graph, view)},
        evidence=(
            Measure("values per channel in the batch", values, limit=limit),
            Measure("expected relative error of a batch's variance", noise),
        ),
        strength="slight",
    )
