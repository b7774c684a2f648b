"""A random transform in the pipeline of an evaluation dataset."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck import transforms
from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.datasets import evaluation_datasets, pipelines
from evalcheck.source.data.pipelines import random_parts
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each pipeline of an evaluation dataset once, at its first random transform."""
    if not file.names.packages & {library.split(".")[0] for library in transforms.LIBRARIES}:
        return
    seen: set[ast.Call] = set()
    for dataset, reason in evaluation_datasets(file):
        found = [part for item in pipelines(file, dataset) for part in random_parts(file, item)]
        if not found or found[0] in seen or is_unit_test(file):
            continue
        seen.update(found)
        first, *rest = found
        name = (file.resolve(first.func) or "").rpartition(".")[2]
        quotes = [Quote(file.place(dataset), f"the evaluation dataset that takes it: {reason}")]
        quotes += [Quote(file.place(other), "another random transform of the pipeline") for other in rest]
        yield Sighting(
            layer="source",
            place=file.place(first),
            message=(
                f"{name} changes the evaluation data at random, so every evaluation scores other inputs: "
                f"use a deterministic transform for this dataset."
            ),
            evidence=tuple(quotes),
        )
