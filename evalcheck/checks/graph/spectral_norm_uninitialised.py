"""Spectral norms that do not bring the weight to norm 1 in eval mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalcheck.finding import Measure, Sighting, Strength, Unanswerable
from evalcheck.graph import ModelGraph
from evalcheck.graph.listing import counted, together
from evalcheck.graph.state import averages, spectral
from evalcheck.graph.state.spectral import SpectralNorm

MESSAGE = (
    "The spectral norm of {names} does not hold in eval mode: the largest singular value of the weight is "
    "{sigma:.3g} instead of 1. Eval mode divides by an estimate from two stored vectors, which only forwards "
    "in train mode improve, and these do not fit today's weight."
)
NEW = (
    "no forward in train mode has ever moved the vectors of the spectral norms: the model is new, or its "
    "checkpoint did not have them"
)


def check(graph: ModelGraph, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for weights that are far off, one for those that are only not there yet."""
    norms = [n for n in spectral.of(graph) if graph.reached(n.view.path, "eval") is not False]
    copies = averages.of(graph) if any(not norm.unit for norm in norms) else []
    # Vectors that an average has shortened are a fault of their own.
    norms = [norm for norm in norms if norm.unit or not averages.inside(copies, norm.view.path)]
    limit, far = 1 + float(options["tolerance"]), float(options["far"])
    off = [norm for norm in norms if not 1 / limit <= norm.sigma <= limit]
    new = not any(norm.iterated for norm in norms) and graph.fresh is not False
    if off and new and not any(norm.built_fitted for norm in off):
        raise Unanswerable(NEW)
    wrong = [norm for norm in off if not new and not 1 / far <= norm.sigma <= far]
    if wrong:
        yield _sighting(graph, wrong, limit, "usual")
    if near := [norm for norm in off if norm not in wrong]:
        yield _sighting(graph, near, limit, "slight")


def _sighting(graph: ModelGraph, found: Sequence[SpectralNorm], limit: float, strength: Strength) -> Sighting:
    worst = sorted(found, key=lambda norm: norm.sigma, reverse=True)
    by_path = {norm.view.path: norm for norm in worst}
    views = [norm.view for norm in worst]
    message = MESSAGE.format(names=counted(views, "module"), sigma=worst[0].sigma)
    columns = {
        "largest singular value": lambda v: by_path[v.path].shown,
        "vectors were iterated": lambda v: {True: "yes", False: "no", None: ""}[by_path[v.path].iterated],
    }
    measure = Measure("largest singular value in eval mode", worst[0].sigma, limit=limit)
    caption = "Weights under spectral norm"
    return together(graph, views, message, caption, columns, evidence=[measure], strength=strength)
