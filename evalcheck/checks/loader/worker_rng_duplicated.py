"""Generators kept on a dataset or transform that draw the same numbers in every worker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.loader import LoaderView

# Generators that are named; the others are counted.
SHOWN = 2


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting, where samples that vary within a worker were the same in the next one."""
    if not view.plays("train"):
        return
    plan = view.plan
    if plan.workers == 0 or (plan.workers == 1 and plan.persistent):
        return
    found = view.duplicates
    if found is None or not found.kept or not found.moving or found.shared < found.moving:
        return
    names = " and ".join(f"the {kind} at train_loader.{path}" for path, kind in found.kept[:SHOWN])
    if len(found.kept) > SHOWN:
        names += f" and {len(found.kept) - SHOWN} more generators"
    many = f"all {plan.workers} workers draw the same numbers" if plan.workers > 1 else ""
    again = "" if plan.persistent else "each epoch begins with the same numbers again"
    message = (
        f"workers start with copies of {names}: {' and '.join(filter(None, (many, again)))}. "
        f"{found.shared} of {found.read} samples came out the same in two workers, and different when one "
        "worker read them twice."
    )
    places = [Place(module=f"train_loader.{path}") for path, _ in found.kept]
    share = Measure("samples with equal draws in two workers", found.shared / found.read, trials=found.read)
    yield Sighting("loader", places[0], message, (share,), tuple(places[1:]))
