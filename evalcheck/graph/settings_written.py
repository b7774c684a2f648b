"""Settings of norms that forwards write and leave written."""

from __future__ import annotations

import linecache
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.recording.callers import located
from evalcheck.graph.writes import Written

_TORCH = str(Path(torch.__file__).parent)
STATISTICS = ("running_mean", "running_var")


def lasting(writes: Sequence[Written], model: nn.Module) -> list[Written]:
    """Lines that change a setting; not those of a setting that the same forward puts back.

    What a setting was is read from the model, which has been given back as it was. Statistics that only
    train mode writes move there as they should.
    """
    modules = dict(model.named_modules())
    return [
        written
        for written in writes
        if not written.path.startswith(_TORCH)
        and not _put_back(modules, writes, written)
        and not _moves(written)
    ]


def line(written: Written) -> Span:
    """The whole line that writes, without its margins."""
    text = linecache.getline(written.path, written.line).rstrip("\r\n")
    start = len(text.encode()) - len(text.lstrip().encode())
    return located(written.path, written.line, written.line, start, max(start, len(text.rstrip().encode())))


def _put_back(modules: Mapping[str, nn.Module], writes: Sequence[Written], written: Written) -> bool:
    return any(
        other.attribute == written.attribute
        and set(written.modules) <= set(other.modules)
        and all(_is_as_before(modules[path], other) for path in written.modules)
        for other in writes
    )


def _is_as_before(module: nn.Module, written: Written) -> bool:
    before = str(getattr(module, written.attribute, None))
    return {written.in_train, written.in_eval} <= {before, "nothing"}


def _moves(written: Written) -> bool:
    return written.attribute in STATISTICS and written.in_eval == "nothing"
