"""All evaluation runs of a file whose model is in train mode for certain."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.builders import built_object
from evalcheck.source.modes.contexts import evaluation
from evalcheck.source.modes.frames import Frame, GivenUp, Seen
from evalcheck.source.modes.machine import Machine
from evalcheck.source.modes.state import Mode, State, Value


@dataclass(frozen=True)
class Run:
    """A model call: why it is evaluation, and where the model got its mode (a call of train(), or built)."""

    call: ast.Call
    reason: str
    told: ast.AST | None
    built: ast.AST | None
    calls: tuple[ast.Call, ...]


def runs_in_train_mode(file: SourceFile) -> Iterator[Run]:
    """Evaluation runs in train mode, each call once, in the order of the source."""
    found: dict[ast.Call, Run] = {}
    machine = Machine(file)
    for entry in (None, *_entries(file)):
        if entry is not None and entry in machine.entered:
            continue
        machine.seen.clear()
        machine.steps = 0
        try:
            _enter(machine, entry)
        except (GivenUp, RecursionError):
            continue
        for seen, modes in machine.seen.items():
            run = _judged(file, seen, modes, machine.values[seen])
            if run is not None:
                found.setdefault(run.call, run)
    yield from sorted(found.values(), key=lambda r: (r.call.lineno, r.call.col_offset))


def _enter(machine: Machine, entry: FunctionInfo | None) -> None:
    """Run the file's own statements, or a function that nobody in the file calls."""
    if entry is None:
        machine.block(machine.file.tree.body, State(), Frame(None))
        return
    names: dict[str, Value] = {}
    for name in entry.parameters:
        kind = entry.owner if name == entry.receiver else None
        names[name] = machine.expressions.stand_in((entry, name), kind)
    machine.call(entry, names, State(), Frame(None))


def _entries(file: SourceFile) -> Iterator[FunctionInfo]:
    """Functions that nobody in the file calls and from which a train() or a model is reached."""
    touching = _touching(file)
    for info in file.functions:
        framework = info.owner is not None and info.owner.of_framework
        if info in touching and not framework and not file.functions.callers(info):
            yield info


def _touching(file: SourceFile) -> set[FunctionInfo]:
    """Functions that call train(), build a model, or call one that does."""
    touching: set[FunctionInfo] = set()
    waiting = [
        info
        for info in file.functions
        if any(_sets_or_builds(file, call) for call in file.calls_in(info.node))
    ]
    while waiting:
        info = waiting.pop()
        if info in touching:
            continue
        touching.add(info)
        callers = (file.function_of(call) for call in file.functions.callers(info))
        waiting.extend(caller for caller in callers if caller is not None)
    return touching


def _sets_or_builds(file: SourceFile, call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute) and call.func.attr == "train":
        return True
    return built_object(file, call, file.classes.named(call.func)) is not None


def _judged(file: SourceFile, seen: Seen, modes: frozenset[Mode], values: dict[str, Value]) -> Run | None:
    """A run, if the model is in train mode on every way to it, and if that makes a difference."""
    kinds = {kind for kind, _ in modes}
    if not kinds or kinds - {"train", "built"}:
        return None
    if seen.obj.by_mode is False or ("built" in kinds and seen.obj.by_mode is not True):
        return None
    reason = evaluation(file, seen.call, seen.functions, values)
    if not reason:
        return None
    told = sorted((n for kind, n in modes if kind == "train" and n is not None), key=lambda n: n.lineno)  # type: ignore[attr-defined]
    return Run(seen.call, reason, told[-1] if told else None, seen.obj.built, seen.calls)
