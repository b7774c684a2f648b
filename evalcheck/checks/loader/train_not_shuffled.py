"""Training data that comes in the order of its indices, or in batches of one class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Unanswerable
from evalcheck.loader import LoaderView
from evalcheck.loader.labels import Mix

# Random batches as unmixed as this are no accident.
UNLIKELY = 0.001
HERE = Place(module="train_loader")


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Batches that hold few classes are the harm; an order that stays the same is only a hint."""
    if not view.plays("train"):
        return
    plan = view.plan
    if plan.order == "random" or view.order_is_meant or plan.batches == 1:
        return
    mix = view.label_mix
    if mix is not None and mix.chance < UNLIKELY and mix.ratio < float(options["mix"]):
        yield _sorted(mix, float(options["mix"]), plan.order == "sequential")
    elif plan.style == "indexed" and plan.order == "sequential" and not view.mixed_before:
        found = "" if mix is None else " The labels are well mixed, so that the harm is small."
        message = f"the training data is read in the same order in every epoch.{found}"
        yield Sighting("loader", HERE, message, _evidence(mix, float(options["mix"])), strength="slight")
    elif plan.order == "unknown" and mix is None:
        raise Unanswerable("neither a sampler nor labels tell in which order the training data comes")


def _sorted(mix: Mix, limit: float, sequential: bool) -> Sighting:
    cause = "the training data is sorted by label and read in order" if sequential else "batches are sorted"
    message = (
        f"{cause}: the labels of a batch have an entropy of {mix.within:.2f}, and batches drawn at random "
        f"would have {mix.expected:.2f}. Each step pulls the model towards the classes of its batch, and "
        "batch norm sees one kind of data at a time."
    )
    return Sighting("loader", HERE, message, _evidence(mix, limit))


def _evidence(mix: Mix | None, limit: float) -> tuple[Measure, ...]:
    if mix is None:
        return ()
    what = "label entropy of a batch"
    return (Measure(what, mix.ratio, "of that of random batches", limit=limit, trials=mix.batches),)
