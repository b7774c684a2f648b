"""Findings as plain data that marshal can write, and back: for the cache and for other processes.

Not pickle: a cache lies in the project's folder, and reading one must not be able to run code.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass

from evalcheck import finding

KINDS: dict[str, Callable[..., object]] = {
    kind.__name__: kind
    for kind in (
        finding.Edit,
        finding.Finding,
        finding.Fix,
        finding.Gap,
        finding.Measure,
        finding.Place,
        finding.Quote,
        finding.Remedy,
        finding.Sighting,
        finding.Span,
        finding.Table,
    )
}


def packed(value: object) -> object:
    """Numbers and strings as they are, a tuple as ``("", items)``, an object as its name and fields."""
    if isinstance(value, tuple):
        return ("", *(packed(item) for item in value))
    if is_dataclass(value) and not isinstance(value, type):
        return (type(value).__name__, *(packed(getattr(value, field.name)) for field in fields(value)))
    return value


def unpacked(value: object) -> object:
    """The reverse of :func:`packed`. Raises ``KeyError`` or ``TypeError`` for what it cannot have made."""
    if not isinstance(value, tuple):
        return value
    name, *items = value
    inner = tuple(unpacked(item) for item in items)
    return KINDS[name](*inner) if name else inner
