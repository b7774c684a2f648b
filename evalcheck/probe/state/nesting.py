"""Modules inside modules, told by their paths."""

from __future__ import annotations

from collections.abc import Sequence


def within(path: str, top: str) -> bool:
    """Whether the path is that module's, or that of one inside it; the model itself (``""``) holds all."""
    return not top or path == top or path.startswith(f"{top}.")


def outermost(paths: Sequence[str]) -> list[str]:
    """Those that are inside no other of them, in the order given."""
    chosen = set(paths)
    return [path for path in paths if not chosen.intersection(_above(path))]


def _above(path: str) -> list[str]:
    """Every module around it, the model itself first; none around the model."""
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(len(parts))] if path else []
