"""A model that is exported, traced or scripted in train mode."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each export of a model that is in train mode on every way that leads there."""
    for use in facts(file).exports:
        name = file.resolve(getattr(use.site.node, "func", use.site.node)) or ""
        later = name.endswith(("onnx.export", "dynamo_export", "jit.script"))  # may still be put right
        born = use.told or use.built
        how = "train() was last called on it" if use.told else "it is as it was built"
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=(
                f"The model is exported in train mode ({how}): the export keeps its dropout, and its batch "
                f"norm goes on using batch statistics. Call eval() before the export."
            ),
            evidence=(Quote(born.file.place(born.node), "the mode comes from here"),) if born else (),
            strength="slight" if later or not use.certain else "usual",
        )
