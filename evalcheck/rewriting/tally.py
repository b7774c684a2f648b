"""What was fixed and what was not, in a line for stderr."""

from __future__ import annotations

from collections.abc import Iterable

from evalcheck.rewriting.rounds import Rewritten


def tally(every: Iterable[Rewritten], *, written: bool) -> str:
    """``fixed 3 faults in 2 files; 1 more has an unsafe fix (--unsafe-fixes makes it)``; empty of nothing."""
    fixed = files = hidden = 0
    for one in every:
        fixed += one.fixed if one.changed else 0
        files += one.changed
        hidden += one.hidden
    did = "fixed" if written else "would fix"
    told = [f"{did} {_counted(fixed, 'fault')} in {_counted(files, 'file')}"] if files else []
    if hidden:
        more = " more" if files else " fault" if hidden == 1 else " faults"
        has, it = ("has an unsafe fix", "it") if hidden == 1 else ("have unsafe fixes", "them")
        told.append(f"{hidden}{more} {has} (--unsafe-fixes makes {it})")
    return "; ".join(told)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"
