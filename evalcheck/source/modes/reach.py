"""When another file is worth to be opened: only where the mode of a model may depend on it."""

from __future__ import annotations

from evalcheck.source.classes import ClassInfo
from evalcheck.source.frameworks import sets_modes
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.frames import Runner
from evalcheck.source.modes.names_of_models import says_model
from evalcheck.source.modes.state import Func, Obj, State, Value, objects

MOST_FILES = 10  # that the machine follows calls into, for one file


def is_modish(value: Value, state: State) -> bool:
    """Whether a value holds something whose mode may matter."""
    if isinstance(value, Func):
        return True
    return any(
        obj in state.modes or obj.told_kind is not None or obj.built is not None or says_model(obj.name)
        for obj in objects(value)
    )


def method_of(obj: Obj, name: str, machine: Runner) -> FunctionInfo | None:
    """A method of the user's own class; its bases in other files are opened only if it is not in this one.

    The class of what was built in passing (a model of another file) is not asked for here.
    """
    kind = obj.told_kind
    return class_method(kind, name, machine) if kind is not None else None


def class_method(kind: ClassInfo, name: str, machine: Runner) -> FunctionInfo | None:
    """The same for a class."""
    if name in kind.methods:
        return kind.file.functions.by_node[kind.methods[name]]
    if kind.of_framework:
        return None
    info = kind.method_info(name)
    return info if info is not None and may_open(info, machine) else None


def may_look(machine: Runner) -> bool:
    """Whether the project may still be asked for what lies in other files."""
    return machine.file.project is not None and len(machine.followed) < MOST_FILES


def may_open(info: FunctionInfo, machine: Runner) -> bool:
    """Whether the machine may go on in the file of a function, counting the files."""
    if info.file is machine.file or info.file in machine.followed:
        return True
    if len(machine.followed) >= MOST_FILES:
        return False
    machine.followed.add(info.file)
    return True


def of_framework(dotted: str, machine: Runner) -> bool:
    """Whether a dotted name belongs to a framework that sets the modes."""
    project = machine.file.project
    return sets_modes(dotted, project.frameworks if project else ())
