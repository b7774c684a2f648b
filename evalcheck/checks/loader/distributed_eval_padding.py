"""Samplers for several processes that repeat evaluation samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength
from evalcheck.loader import LoaderView


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting where the processes together read more samples than there are."""
    if not view.plays("eval"):
        return
    plan = view.plan
    if plan.sampling is None or not plan.padded or not plan.size:
        return
    share = plan.padded / plan.size
    count = "1 sample" if plan.padded == 1 else f"{plan.padded} samples"
    message = (
        f"{plan.sampling.name} repeats {count} of {plan.size} so that {plan.sampling.replicas} processes get "
        "equally many: they count twice, unless the gathered results are cut to the length of the data."
    )
    limit = float(options["share"])
    evidence = Measure("samples counted twice", share, limit=limit, trials=plan.size)
    strength: Strength = "usual" if share > limit else "slight"
    yield Sighting("loader", Place(module="loader"), message, (evidence,), strength=strength)
