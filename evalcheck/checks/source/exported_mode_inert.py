"""A mode that is set on a program whose mode was fixed when it was exported or traced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.exported_programs import ALLOWS, mode_calls
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each train() or eval() that raises or does nothing."""
    if file.mentions(*ALLOWS) or is_unit_test(file):
        return
    for one in mode_calls(file):
        method = getattr(one.call.func, "attr", "eval")
        if one.outcome == "raises":
            message = (
                f"{method}() is not supported on an exported program and raises NotImplementedError: its "
                f"mode was fixed when it was exported. Set the mode of the model before, "
                f"and export once per mode."
            )
        else:
            message = (
                f"{method}() changes a flag and nothing else on a traced program: dropout and batch norm "
                f"stay as they were when it was traced. Trace the model once per mode, "
                f"or use torch.jit.script."
            )
        yield Sighting(
            layer="source",
            place=file.place(one.call),
            message=message,
            evidence=(Quote(file.place(one.built), "its mode was fixed here"),),
            strength="usual" if one.certain else "slight",
        )
