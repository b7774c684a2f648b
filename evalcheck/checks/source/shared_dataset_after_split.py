"""Training and validation data are parts of one dataset that augments its samples."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.augmented import augmentations
from evalcheck.source.data.splits import separated, set_for_both, splits
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each split by which the held-out part is augmented too."""
    for split in splits(file):
        if separated(file, split) or is_unit_test(file):
            continue
        late = set_for_both(file, split)
        if late is not None:
            yield Sighting(
                layer="source",
                place=file.place(late),
                message=(
                    f"{split.train} and {split.evaluation} are parts of one dataset object, so this "
                    f"transform is set for both of them: build the dataset twice, and split both by the "
                    f"same indices."
                ),
                evidence=(Quote(file.place(split.place), "the split, which copies nothing"),),
            )
            continue
        cause = next(augmentations(file, split.dataset), None)
        if cause is None:
            continue
        place = file.statement(split.place)
        yield Sighting(
            layer="source",
            place=file.place(place if isinstance(place, ast.Assign) else split.place),
            message=(
                f"{split.train} and {split.evaluation} are parts of one dataset object, so the augmentation "
                f"of training ({cause.what}) changes the evaluation data as well: build the dataset twice, "
                f"with and without it, and split both by the same indices."
            ),
            evidence=(Quote(file.place(cause.node), "what changes the samples at random"),),
            strength="usual" if cause.certain else "slight",
        )
