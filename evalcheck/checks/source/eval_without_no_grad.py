"""Evaluation in eval mode that records gradients nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.modes import facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each run in an evaluation loop under eval() that neither no_grad nor inference_mode covers."""
    for use in facts(file).recorded:
        told = use.told
        yield Sighting(
            layer="source",
            place=file.place(use.place.node),
            message=(
                f"This is evaluation ({use.reason}) in eval mode, but gradients are recorded for it: it "
                f"needs more memory and time than it must. Put it under torch.inference_mode()."
            ),
            evidence=(Quote(told.file.place(told.node), "eval() is called here"),) if told else (),
        )
