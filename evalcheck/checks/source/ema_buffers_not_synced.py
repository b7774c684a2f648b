"""An averaged copy of a model whose buffers stay what they were."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting, Strength
from evalcheck.source import SourceFile
from evalcheck.source.copies.averages import Average, averages
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.model_uses import evaluated, told_train
from evalcheck.source.models import has_batch_norm, tail_of

SYNCED = ("buffers(", "update_bn", "bn_update", "running_mean", "running_var", "recalibrat", "use_buffers")
AVERAGED = re.compile(r"ema|mean|moving|averag|avg|shadow|teacher|momentum", re.I)


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each copy that takes part in parameters only, is evaluated, and may have batch norm."""
    if file.mentions(*SYNCED) or is_unit_test(file):
        return
    for average in averages(file):
        if average.over != "parameters" or average.hands_over_state:
            continue
        if told_train(file, average.names):  # it sees data of its own, and so do its statistics
            continue
        used = evaluated(file, average.names)
        strength = _strength(average)
        if used is None or strength is None:
            continue
        name = tail_of(average.model)
        yield Sighting(
            layer="source",
            place=file.place(average.write),
            message=(
                f"{name} is given averaged parameters but never the buffers, so its batch norms keep the "
                f"statistics of the moment it was copied, and it is evaluated with those: copy the buffers "
                f"too, or recompute them with update_bn."
            ),
            evidence=(Quote(file.place(used), "it is evaluated here"),),
            strength=strength,
        )


def _strength(average: Average) -> Strength | None:
    """A warning where batch norm is certain, a note where a copy called an average may have it."""
    known = has_batch_norm(average.file, average.model)
    if known is not None:
        return "usual" if known else None
    info = average.function
    said = [*average.names, info.name if info else "", info.owner.name if info and info.owner else ""]
    return "slight" if any(AVERAGED.search(name) for name in said) else None
