"""Training loaders whose last batch is too small for the batch norms that it goes through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting, Strength, Unanswerable
from evalcheck.loader import LoaderView, Norm, norms


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for all norms that get too few values per channel from the last batch."""
    if not view.plays("train"):
        return
    plan, limit = view.plan, int(options["values"])
    if plan.drop_last or plan.own_batches or not plan.batch_size or plan.remainder == 0:
        return
    if plan.remainder is None:
        raise Unanswerable("the length of the training data is unknown, and so is the size of its last batch")
    if plan.remainder >= limit:
        return
    if view.norms is None:
        raise Unanswerable("it is not known whether the model reaches a batch norm: it could not be traced")
    few = [norm for norm in view.norms if plan.remainder * norm.values < limit]
    if few:
        yield _sighting(plan.remainder, plan.drawn or 0, plan.batch_size, few, limit)


def _sighting(remainder: int, drawn: int, batch_size: int, few: list[Norm], limit: int) -> Sighting:
    values = remainder * min(norm.values for norm in few)
    samples = "1 sample" if remainder == 1 else f"{remainder} samples"
    message = f"the last batch of each epoch has {samples} ({drawn} in batches of {batch_size}), which gives "
    strength: Strength = "usual"
    if values == 1 and any(norm.flat for norm in few):
        message += f"{norms.counted(few)} a single value per channel: train mode raises an error there."
        strength = "grave"
    else:
        message += (
            f"{norms.counted(few)} {values} value{'s' * (values > 1)} per channel. Just before evaluation "
            "the running statistics take in a mean and a variance that are mostly noise."
        )
    measure = Measure("values per channel in the last batch", values, limit=limit)
    evidence = (measure, norms.listed(few, remainder))
    others = (*(norm.place for norm in few),)
    return Sighting("loader", Place(module="train_loader"), message, evidence, others, strength)
