"""In train mode a sample's output tells its batch-mates, and the score leans on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Unanswerable
from evalcheck.measurement import Score
from evalcheck.probe import Trial
from evalcheck.probe.dependence.curves import Curves


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    trial.require_training()
    judge, order = trial.judge, trial.step("order")
    if judge is None:
        if order is not None and order.size(trial.unit) > options["order"]:
            raise Unanswerable("without targets it cannot be told whether the score leans on the batches")
        return
    margin = options["margin"] * judge.scale
    if order is not None:
        yield from _homogeneous(trial.leak.curves(order, judge), trial.called(judge.name), margin)
    yield from _coupled(trial, judge, margin, options["mates"])


def _homogeneous(curves: Curves, name: str, margin: float) -> Iterator[Sighting]:
    lost = curves.lost_when_mixed
    if lost <= margin or curves.lost_in_eval < lost / 2:
        return  # eval mode does without what the batches tell
    yield Sighting(
        "probe",
        Place(),
        f"The model reads its answer off its batch: on the training data {name} is {curves.loaded:.3g} in "
        f"batches as they are loaded, {curves.mixed:.3g} when the same samples are mixed, and "
        f"{curves.alone:.3g} in eval mode.",
        evidence=(
            Measure(f"{name} lost when batches are mixed", lost, "", margin),
            Measure(f"{name} lost in eval mode", curves.lost_in_eval),
        ),
    )


def _coupled(trial: Trial, judge: Score, margin: float, least: float) -> Iterator[Sighting]:
    """A module of the user's own that mixes samples in train mode only, without which the score falls."""
    lost = trial.way.custom.lost(judge)
    mates = trial.leak.mates if lost > margin else None
    if mates is None or mates.size <= least:
        return
    yield Sighting(
        "probe",
        Place(module=mates.module),
        f"In train mode samples of a batch are mixed{mates.by}, and not by a norm: with half of its mates "
        f"replaced a sample's output moves by {mates.size:.0%} of the output's variance. In eval mode they "
        f"are not, and {trial.called(judge.name)} falls behind by {lost:.3g}.",
        evidence=(
            Measure("movement with other mates, train mode", mates.size, "of the output's variance", least),
            Measure(f"{trial.called(judge.name)} lost in eval mode", lost, "", margin),
        ),
    )
