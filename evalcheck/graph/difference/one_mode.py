"""What a model does in one of the modes only, told apart from what it leaves to chance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.finding import Place
from evalcheck.graph.difference.structure import same_calls
from evalcheck.graph.folding.operation_kinds import idle
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.recording import marks
from evalcheck.graph.traces import Mode

LONG = 120


@dataclass(frozen=True, slots=True)
class Difference:
    """Modules by the one mode that runs them, and what each mode returned where that differs."""

    train_only: tuple[str, ...]
    eval_only: tuple[str, ...]
    outputs: tuple[str, str] | None

    def told(self) -> Iterator[tuple[Mode, str]]:
        """For each mode with modules of its own their names, in short."""
        sides: tuple[tuple[Mode, tuple[str, ...]], ...] = (
            ("train", self.train_only),
            ("eval", self.eval_only),
        )
        for mode, paths in sides:
            more = f" and {len(paths) - 3} more" if len(paths) > 4 else ""
            shown = paths[:3] if more else paths
            if paths:
                yield mode, ", ".join(repr(path) for path in shown) + more

    def calls(self, graph: ModelGraph) -> Iterator[tuple[str, Mode, Place]]:
        """Each module with its mode and the line that calls it."""
        sides: tuple[tuple[Mode, tuple[str, ...]], ...] = (
            ("train", self.train_only),
            ("eval", self.eval_only),
        )
        for mode, paths in sides:
            for path in paths:
                trace = graph.trace(mode)
                called = trace.calls(path) if trace is not None else []
                yield path, mode, Place(called[0].span if called else None, path)


@dataclass(frozen=True, slots=True)
class Failure:
    """The one mode in which the forward fails, why, and where."""

    mode: Mode
    reason: str
    place: Place


def failure(graph: ModelGraph) -> Failure | None:
    """None where both modes run to their ends, or neither does."""
    modes: tuple[tuple[Mode, Mode], ...] = (("eval", "train"), ("train", "eval"))
    for mode, other in modes:
        trace, whole = graph.trace(mode), graph.trace(other)
        if trace is None or trace.failed_in is None or whole is None or not whole.complete:
            continue
        if graph.refusals[mode].startswith(marks.FAULT):
            continue
        return Failure(mode, graph.refusals[mode], Place(trace.failed_at, trace.failed_in))
    return None


def between(graph: ModelGraph) -> Difference | None:
    """None where both modes run the same and return alike, or that cannot be told.

    Where a second forward in train mode ran other modules than the first, or chance decided anything in
    it, what train mode did not run may have been skipped at random: nothing is said of it then.
    """
    structure = graph.structure
    if structure is None or not structure.differs or graph.train is None:
        return None
    evaluated = () if _by_chance(graph) else structure.eval_only
    outputs = None
    if structure.train_output != structure.eval_output:
        outputs = _short(structure.train_output), _short(structure.eval_output)
    if not (structure.train_only or evaluated or outputs):
        return None
    return Difference(structure.train_only, evaluated, outputs)


def _by_chance(graph: ModelGraph) -> bool:
    """Whether a random number may have decided what the forward in train mode ran."""
    if graph.train is None or graph.train.drew_outside:
        return True
    if graph.again is not None and not same_calls(graph.train, graph.again):
        return True
    return bool(graph.train.decisions) and any(node.meta.get("rng") for node in idle(graph.train.graph))


def _short(outline: str) -> str:
    return outline if len(outline) <= LONG else f"{outline[:LONG]}…"
