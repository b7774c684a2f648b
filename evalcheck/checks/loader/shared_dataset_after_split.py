"""Training and evaluation parts of one dataset whose samples are random."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from torch.utils.data import Subset

from evalcheck.finding import Place, Sighting, Strength, Unanswerable
from evalcheck.loader import LoaderView, Repeat

# Less than this is rounding.
ROUNDING = 1e-5


def check(view: LoaderView, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """One sighting for the outermost dataset, or the transform, that both parts share."""
    if not view.plays("eval"):
        return
    if view.other is None:
        raise Unanswerable("a training loader was not given")
    if not (_is_part(view) and _is_part(view.other)):
        return
    training = {id(dataset) for _, dataset in view.other.datasets}
    shared = next((path for path, dataset in view.datasets if id(dataset) in training), None)
    theirs = {id(transform.subject) for transform in view.other.transforms}
    random = [t for t in view.random_transforms if id(t.subject) in theirs]
    repeat = _repeat(view)
    if repeat is not None and repeat.used is not None:
        random = [t for t in random if id(t.subject) in repeat.used]
    varies = repeat is not None and repeat.where == "dataset" and bool(repeat.differing(ROUNDING))
    if not random and not (shared and varies):
        return
    what = f"draws random numbers ({random[0].label})" if random else "gives other values each time"
    place = shared or random[0].path
    kind = "dataset object" if shared else "transform"
    message = (
        f"training and evaluation data are parts of one {kind}, which {what}: what was meant for training is "
        "applied to the evaluation samples too."
    )
    strength: Strength = "usual" if repeat is None or varies else "slight"
    yield Sighting("loader", Place(module=place), message, strength=strength)


def _is_part(view: LoaderView) -> bool:
    """Whether it reads chosen indices of a dataset that has more."""
    sampling = view.plan.sampling
    return any(isinstance(dataset, Subset) for _, dataset in view.datasets) or bool(
        sampling is not None and sampling.chosen
    )


def _repeat(view: LoaderView) -> Repeat | None:
    try:
        return view.repeat()
    except Unanswerable:
        return None
