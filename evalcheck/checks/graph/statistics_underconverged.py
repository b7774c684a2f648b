"""Norms that have seen too few batches to forget the mean 0 and variance 1 that they started from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import ceil, log
from typing import Any

from evalcheck.finding import Measure, Sighting
from evalcheck.graph import ModelGraph, uses
from evalcheck.graph.listing import agree, counted, listed


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """The start still weighs (1 - m)^n after n batches at momentum m (exponential average)."""
    uses.demand_trained(graph)
    limit = float(options["weight"])
    early = [
        view
        for view in graph.modules.values()
        if (weight := view.start_weight) is not None
        and weight > limit
        and graph.reached(view.path, "eval") is not False
    ]
    if not early:
        return
    worst = max(early, key=lambda view: view.start_weight or 0.0)
    early.sort(key=lambda view: view is not worst)
    weight, momentum = worst.start_weight or 0.0, worst.momentum or 0.0
    calls = len(graph.train.calls(worst.path)) if graph.train else 1
    several = (
        f", and it is called {calls} times per forward, so that fewer batches went by" if calls > 1 else ""
    )
    needed = ceil(log(limit) / log(1 - momentum)) if momentum < 1 else 1
    yield Sighting(
        layer="graph",
        place=graph.place(worst.path),
        message=(
            f"{counted(early, 'norm')} {agree(early, 'has', 'have')} seen {worst.batches} batches at "
            f"momentum {momentum:g}{several}: "
            f"{weight:.0%} of its running statistics are still the mean 0 and variance 1 of construction, "
            "not the data's. Eval mode uses these numbers; train mode does not, and looks right."
        ),
        evidence=(
            Measure("weight of the initial statistics by the counter", weight, limit=limit),
            Measure("batches until it falls below the limit", float(needed), "batches"),
            listed(
                graph,
                early,
                "Running statistics that still contain their start",
                {
                    "batches": lambda v: v.batches,
                    "momentum": lambda v: v.momentum,
                    "weight": lambda v: v.start_weight,
                },
            ),
        ),
        others=tuple(graph.place(view.path) for view in early[1:]),
    )
