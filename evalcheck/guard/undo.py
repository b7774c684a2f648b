"""Steps that put something back, each taken on its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

Undo = Callable[[], object]


def take(steps: Iterable[Undo]) -> None:
    """Take every step: one that fails must not keep the others from being taken.

    Every step may be taken twice, so one that an interrupt cut short is taken again. The first
    error is raised in the end.
    """
    failed: BaseException | None = None
    for step in steps:
        try:
            step()
        except Exception as error:
            failed = failed or error
        except BaseException as interrupt:
            failed = interrupt
            failed = _again(step) or failed
    if failed is not None:
        raise failed


def _again(step: Undo) -> BaseException | None:
    try:
        step()
    except BaseException as error:
        return error
    return None
