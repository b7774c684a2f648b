"""What the modes of a file's models come to: found in one execution on paper that all rules share."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from evalcheck.source.file import SourceFile
from evalcheck.source.frameworks import is_engine
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.modes import judging
from evalcheck.source.modes.contexts import other_library
from evalcheck.source.modes.entries import entries
from evalcheck.source.modes.frames import Frame, GivenUp
from evalcheck.source.modes.judging import Lasting, Use
from evalcheck.source.modes.machine import BUDGET, Machine
from evalcheck.source.modes.state import Obj, State, Value

MOST_STEPS = 8000  # statements for one file


@dataclass
class Facts:
    """Uses of models that went wrong by their mode, each place once, in the order of the source."""

    runs: list[Use] = field(default_factory=list)
    others: list[Use] = field(default_factory=list)
    recorded: list[Use] = field(default_factory=list)
    teachers: list[Use] = field(default_factory=list)
    exports: list[Use] = field(default_factory=list)
    fusions: list[Use] = field(default_factory=list)
    lasting: list[Lasting] = field(default_factory=list)


@lru_cache(maxsize=4)
def facts(file: SourceFile) -> Facts:
    """Everything that the rules about modes ask of a file."""
    found = Facts()
    if is_unit_test(file) or other_library(file) or is_engine(file.path):
        return found
    machine = Machine(file)
    total, start = 0, State()
    for entry in entries(file):
        if entry is not None and entry in machine.entered:
            continue
        machine.seen.clear()
        machine.finished.clear()
        machine.loops.clear()
        machine.steps = machine.quiet = 0
        machine.most_steps = min(BUDGET, MOST_STEPS - total)
        machine.phase = ()
        try:
            end = _enter(machine, entry, start)
        except (GivenUp, RecursionError):
            pass
        else:
            _judge(machine, found)
            if entry is None and end is not None and not file.mentions(".eval(", ".train("):
                start = end  # what the file builds at its top is used by its functions as it was built
        total += machine.steps
        if total >= MOST_STEPS:
            break
    return _in_order(found)


def _enter(machine: Machine, entry: FunctionInfo | None, start: State) -> State | None:
    """Run the file's own statements, or a function that nobody in the file calls."""
    state = start.copy()
    if entry is None:
        return machine.block(machine.file.tree.body, state, Frame(machine.file))
    names: dict[str, Value] = {}
    for name in entry.parameters:
        kind = entry.owner if name == entry.receiver else None
        key = (entry, name)
        obj = machine.expressions.keep(key, Obj(kind, name=name))
        names[name] = frozenset({obj})
    machine.call(entry, names, state, Frame(machine.file))
    return None


def _judge(machine: Machine, found: Facts) -> None:
    for seen, noted in machine.seen.items():
        if seen.use == "run":
            use = judging.evaluated_in_train_mode(machine, seen, noted)
            if use is not None:
                (found.others if use.other is not None else found.runs).append(use)
            elif use := judging.evaluated_with_gradients(machine, seen, noted):
                found.recorded.append(use)
        elif use := judging.used_in_train_mode(machine, seen, noted):
            (found.exports if seen.use == "export" else found.fusions).append(use)
    found.teachers += judging.teachers(machine)
    found.lasting += judging.lasting(machine)


def _in_order(found: Facts) -> Facts:
    for name, uses in vars(found).items():
        by_place: dict[ast.AST, Use | Lasting] = {}
        for use in uses:
            by_place.setdefault(use.place.node, use)
        setattr(found, name, sorted(by_place.values(), key=_position))
    return found


def _position(use: Use | Lasting) -> tuple[int, int]:
    return getattr(use.place.node, "lineno", 0), getattr(use.place.node, "col_offset", 0)


__all__ = ["Facts", "Iterator", "ast", "facts"]
