"""Turns ``FILE.py:ATTR`` or ``package.module:ATTR`` into a model."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from evalcheck.checkup import own_code
from evalcheck.cli import attributes, imports
from evalcheck.cli.attributes import Named
from evalcheck.complaint import Complaint

if TYPE_CHECKING:
    from torch import nn

EXAMPLE = "def build_model(): return Net(10)"


@dataclass(frozen=True)
class Target:
    """A model, what it is called, the module that it came from, and the user's files behind it."""

    name: str
    model: nn.Module
    module: ModuleType
    files: tuple[Path, ...]
    named: Named


def load(spec: str) -> Target:
    """Import the target's module and take or build its model. Raises :class:`Complaint`."""
    attributes.split(spec)
    imports.need_torch()
    from evalcheck.graph.building.construction import remembered

    with remembered():
        return _built(spec)


def _built(spec: str) -> Target:
    from torch import nn

    named = attributes.find(spec)
    value = named.value
    if not isinstance(value, nn.Module):
        if not callable(value):
            raise Complaint(
                f"{spec} is {attributes.kind(value)}, not an nn.Module and not a function that makes one"
            )
        made = attributes.call(named, EXAMPLE)
        if inspect.iscoroutine(made):
            made.close()
        if not isinstance(made, nn.Module):
            raise Complaint(f"{spec}() gives {attributes.kind(made)}, not an nn.Module")
        value = made
    return Target(spec, value, named.module, own_code.behind(value, named.module), named)
