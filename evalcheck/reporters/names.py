"""Names of modules in a narrow column: they differ at their ends, so that only their fronts may be cut."""

from __future__ import annotations

from collections.abc import Sequence

CUT = "…"


def shortened(names: Sequence[str], room: int) -> list[str]:
    """Each name in at most ``room`` signs where it can be told from the others, else whole.

    A name keeps as many of its last parts as fit, so long as no other name ends in the same ones.
    """
    return [name if len(name) <= room else _cut(name, names, room) for name in names]


def _cut(name: str, names: Sequence[str], room: int) -> str:
    parts = name.split(".")
    for first in range(1, len(parts)):
        tail = ".".join(parts[first:])
        if len(tail) + len(CUT) > room:
            continue
        alike = [other for other in names if other != name and f".{other}".endswith(f".{tail}")]
        return name if alike else f"{CUT}{tail}"
    return name
