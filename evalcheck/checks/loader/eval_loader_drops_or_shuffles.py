"""Evaluation loaders that leave samples out, draw them at random, or read them in a random order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Unanswerable
from evalcheck.loader import LoaderView, Plan

HERE = Place(module="loader")


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """At most one sighting: samples lost are worse than samples drawn, and these than another order."""
    if not view.plays("eval"):
        return
    plan = view.plan
    if plan.style == "unknown" and plan.order == "unknown":
        raise Unanswerable("nothing tells how this loader goes over its data")
    lost, whole = plan.lost, plan.whole
    if lost and whole:
        none = ": no batch is left" if lost == whole else ""
        message = f"drop_last=True leaves {lost} of {whole} samples out of each evaluation{none}."
        share = Measure("samples left out", lost / whole, limit=0.0, trials=whole)
        yield Sighting("loader", HERE, message, (share,))
    elif plan.drop_last and plan.style == "stream" and plan.drawn is None and plan.batch_size != 1:
        message = (
            "drop_last=True leaves out whatever does not fill a last batch of "
            f"{plan.batch_size} samples; how many that are cannot be told."
        )
        yield Sighting("loader", HERE, message, strength="slight")
    elif plan.order == "random" and not (plan.sampling and plan.sampling.chosen):
        yield _random(plan)


def _random(plan: Plan) -> Sighting:
    sampling = plan.sampling
    if sampling is not None and sampling.replacement:
        message = (
            f"{sampling.name} draws the evaluation samples with replacement: some count several times and "
            "others never, and which ones changes with each pass."
        )
        return Sighting("loader", HERE, message)
    if sampling and sampling.total is None and sampling.drawn and sampling.drawn < (plan.size or 0):
        message = (
            f"{sampling.name} draws {sampling.drawn} of {plan.size} samples, other ones in each evaluation."
        )
        return Sighting("loader", HERE, message)
    message = (
        "the evaluation data is read in another order each time: predictions cannot be matched with "
        "samples, and whatever depends on the batch changes from run to run."
    )
    return Sighting("loader", HERE, message, strength="slight")
