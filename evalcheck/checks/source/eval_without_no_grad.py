"""Evaluation in eval mode that records gradients nobody asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import facts


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report functions that run a model in an evaluation loop under eval() without no_grad, each once."""
    reported: set[FunctionInfo | None] = set()
    for use in facts(file).recorded:
        function = file.function_of(use.place.node)
        if function in reported:
            continue
        reported.add(function)
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
