"""What runs in one mode only, as far as it is not left to chance."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.graph.traces import Trace


@dataclass(frozen=True, slots=True)
class Structure:
    """Modules that only one mode calls (of nested ones the outermost), and what each mode returns."""

    train_only: tuple[str, ...]
    eval_only: tuple[str, ...]
    train_output: str
    eval_output: str

    @property
    def differs(self) -> bool:
        return bool(self.train_only or self.eval_only) or self.train_output != self.eval_output


def same_calls(one: Trace, two: Trace) -> bool:
    """Whether two forwards called the same modules equally often, and returned alike."""
    counts = ({path: len(t.calls(path)) for path in _paths(t)} for t in (one, two))
    return next(counts) == next(counts) and one.output == two.output


def compared(train: Trace, again: Trace | None, evaluated: Trace) -> Structure:
    """Both modes side by side. ``again`` is a second forward in train mode, drawn with another seed:
    a block that stochastic depth skips in one of them is no difference between the modes.
    """
    once, twice = _paths(train), _paths(again or train)
    there = _paths(evaluated)
    train_only = [path for path in once if path in twice and path not in there]
    eval_only = [path for path in there if path not in once and path not in twice]
    steady = again is None or again.output == train.output
    return Structure(
        _outermost(train_only),
        _outermost(eval_only),
        train.output,
        evaluated.output if steady else train.output,
    )


def _paths(trace: Trace) -> dict[str, None]:
    return dict.fromkeys(call.path for call in trace.sequence)


def _outermost(paths: list[str]) -> tuple[str, ...]:
    chosen = set(paths)
    return tuple(path for path in paths if not any(above in chosen for above in _above(path)))


def _above(path: str) -> list[str]:
    parts = path.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]
