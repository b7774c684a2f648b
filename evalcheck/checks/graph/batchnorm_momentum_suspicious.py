"""Batch norms as they were built, with a momentum or an eps that means something else in torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Sighting
from evalcheck.graph import ModelGraph, ModuleView
from evalcheck.graph.listing import agree, counted, together
from evalcheck.graph.state import settings

LARGE = (
    "{names} {have} momentum {value:g}: torch weighs the newest batch by {value:g}, so the running "
    "statistics that eval mode uses are little more than those of the last one or two training batches."
)
HALF = (
    "{names} {have} momentum 0.5: the newest batch counts as much as all before it, so the running "
    "statistics that eval mode uses follow the last few training batches. Usual is 0.1 or less."
)
DECAY = " If {value:g} was meant as a decay, as in Keras and TensorFlow, pass {rest:.4g}."
ZERO = (
    "{names} {have} momentum 0: the running statistics, which eval mode uses, never move from mean 0 and "
    "variance 1."
)
EPS = (
    "{names} {have} eps {value:g}, which is added to every variance, so that the output is scaled down by an "
    "amount that depends on the data. The second positional argument of a batch norm is eps, not momentum."
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting per value; momenta only where train mode moves statistics by them."""
    columns = {"momentum": lambda v: v.momentum, "batches seen": lambda v: v.batches}
    caption = "Batch norms with this setting"
    for value, views in settings.momenta(graph, float(options["momentum"])).items():
        text = ZERO if value <= 0 else HALF if value == 0.5 else LARGE + (DECAY if value < 1 else "")
        mild = value == 0.5 or any(settings.converted(view) for view in views)
        window = (
            [Measure("batches that the statistics reach back (1 / momentum)", 1 / value)] if value else []
        )
        yield together(
            graph,
            views,
            _worded(text, views, value),
            caption,
            columns,
            evidence=window,
            strength="slight" if mild else "usual",
        )
    limit = float(options["eps"])
    for value, views in settings.epsilons(graph, limit).items():
        measure = Measure("eps", value, limit=limit)
        yield together(graph, views, _worded(EPS, views, value), caption, columns, evidence=[measure])


def _worded(text: str, views: list[ModuleView], value: float) -> str:
    names, have = counted(views, "batch norm"), agree(views, "has", "have")
    return text.format(names=names, have=have, value=value, rest=1 - value)
