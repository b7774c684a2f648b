"""What the pages state under ``reads``, kept beside Python's own compiled modules.

To read the pages of all rules takes longer than to look at a small file. The compiled form is made
again when a page changes, and done without where the folder cannot be written.
"""

from __future__ import annotations

import marshal
import os
import sys

from evalcheck import rulebook

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evalcheck.rulebook import Reads

COMPILED = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "__pycache__", f"reads.{sys.implementation.cache_tag}"
)


def reads() -> dict[str, Reads]:
    """By rule, for every rule of the source layer, in the order of the names."""
    stamp = _stamp()
    try:
        with open(COMPILED, "rb") as file:
            known, found = marshal.load(file)
        if known == stamp and isinstance(found, dict):
            return found
    except (OSError, EOFError, ValueError, TypeError):
        pass
    found = {name: rule.reads for name, rule in rulebook.load().items() if rule.reads}
    _keep(stamp, found)
    return found


def _stamp() -> tuple[tuple[str, int, int], ...]:
    """The pages with their times of change and sizes."""
    with os.scandir(rulebook.home()) as entries:
        states = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith(".md")]
    return tuple(sorted((name, state.st_mtime_ns, state.st_size) for name, state in states))


def _keep(stamp: tuple[tuple[str, int, int], ...], found: dict[str, Reads]) -> None:
    if sys.dont_write_bytecode:
        return
    temporary = f"{COMPILED}.{os.getpid()}"
    try:
        with open(temporary, "wb") as file:
            marshal.dump((stamp, found), file)
        os.replace(temporary, COMPILED)
    except OSError:
        return
