"""Batch norms without running statistics: what the batch does to a sample's eval output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.finding import Measure, Place, Sighting
from evalcheck.probe import Trial


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    without = [
        path
        for path, module in trial.model.named_modules()
        if isinstance(module, _BatchNorm) and module.running_mean is None
    ]
    if not without:
        return
    found = trial.dependence.batch_sizes()
    worst = max(found, key=lambda difference: difference.size)
    named = {difference.module for difference in found}
    if not worst.real or not any(path in named for path in without):
        return  # normalised sample by sample, or it is another module that asks the batch
    first = next(path for path in without if path in named)
    sizes = f"in batches of {worst.batch_size}" if worst.batch_size else "in smaller batches"
    count = f"{len(without)} batch norms keep" if len(without) > 1 else f"Batch norm {first!r} keeps"
    yield Sighting(
        "probe",
        Place(module=first),
        f"{count} no running statistics, and the eval output of a sample depends on its batch: {sizes} it "
        f"differs by {worst.size:.1%} from that in one large batch.",
        evidence=tuple(
            Measure(
                f"batches of {difference.batch_size or 'mixed sizes'} against all at once",
                difference.size,
                "of the output",
            )
            for difference in found
        ),
        others=tuple(Place(module=path) for path in without if path != first),
        strength="grave" if worst.size > options["large"] else "usual",
    )
