"""What calls do: methods of models and of the user's objects, functions, constructors."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from evalcheck.source.classes import ClassInfo
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects
from evalcheck.source.modes.frames import Call, Frame, Noted, Ran, Seen, texts_of
from evalcheck.source.modes.inlining import Inlining
from evalcheck.source.modes.names_of_models import says_model
from evalcheck.source.modes.others import Others
from evalcheck.source.modes.reach import is_modish, method_of
from evalcheck.source.modes.state import (
    Anonymous,
    Each,
    Func,
    Items,
    Mode,
    Obj,
    Part,
    Site,
    State,
    Table,
    Value,
    objects,
)
from evalcheck.source.modes.switching import Modes

if TYPE_CHECKING:
    from evalcheck.source.modes.expressions import Expressions

MOST_OBJECTS = 4  # that one expression may be: more are not told from each other
_STEPS = frozenset(("backward", "manual_backward"))


class Calls:
    """The effects of calls."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self.machine = expressions.machine
        self.modes: Modes = expressions.modes
        self.inlining = Inlining(self)
        self.others = Others(self)

    def call(self, node: ast.Call, state: State, frame: Frame) -> Value:
        """Evaluate what is called and its arguments, then do what the call does."""
        func = node.func
        owner: Value = None
        target: Value = None
        if isinstance(func, ast.Attribute):
            if isinstance(func.value, ast.Call) and getattr(func.value.func, "id", "") == "super":
                return self._of_super(self._arguments(node, state, frame), func)
            owner = self.expressions.evaluate(func.value, state, frame)
        else:
            target = self.expressions.evaluate(func, state, frame)
        call = self._arguments(node, state, frame)
        if isinstance(func, ast.Attribute):
            if func.attr in _STEPS:
                self._step(call)
            if isinstance(owner, (frozenset, Part)):
                return self._method(call, func.attr, owner)
            if isinstance(owner, (Items, Each, Table)):
                return self.expressions.method_of(func.attr, owner, func.value, call.given, state, frame)
        if isinstance(target, Func):
            return self.inlining.function(call, target)
        if isinstance(target, Anonymous):
            return self.inlining.anonymous(call, target)
        if isinstance(target, frozenset):
            return self._object_called(call, target)
        return self.others.function(call)

    def _arguments(self, node: ast.Call, state: State, frame: Frame) -> Call:
        given: list[Value] = []
        named: dict[str, Value] = {}
        for item in node.args:
            value = self.expressions.evaluate(item, state, frame)
            if not isinstance(item, ast.Starred):
                given.append(value)
            elif isinstance(value, Items):
                given += value.items
            else:
                given.append(value)
                named["**"] = None
        for keyword in node.keywords:
            value = self.expressions.evaluate(keyword.value, state, frame)
            if keyword.arg is not None:
                named[keyword.arg] = value
            elif isinstance(value, Table):
                named.update((str(name), item) for name, item in value.items)
            else:
                named["**"] = value
        return Call(node, given, named, state, frame)

    # Methods.

    def _method(self, call: Call, name: str, owner: frozenset[Obj] | Part) -> Value:
        """A method of an object: of a class of the project, of torch, or not known."""
        state = call.state
        if name in ("eval", "train"):
            return self._switch(call, name, owner)
        if isinstance(owner, frozenset) and len(owner) == 1:
            known = self._own_method(call, name, next(iter(owner)), owner)
            if known is not NotImplemented:
                return known
        if name == "apply" and call.given:
            return self.inlining.applied(call, owner)
        if name in effects.SAME:
            return owner
        if name in effects.PREPARES and call.given and _is_preparer(owner):
            return call.given[0] if len(call.given) == 1 else Items(tuple(call.given))
        if name == "parameters" and isinstance(owner, frozenset):
            for loop in self.machine.loops:
                loop.parameters |= owner
        if isinstance(owner, frozenset) and name in effects.RUNS:
            # other objects than modules have a train() and a predict() of their own
            sure = frozenset(o for o in owner if o.is_model or o.told_kind is not None)
            self.note(call, owner if name == "forward" else sure)
            return None
        if isinstance(owner, frozenset) and (stored := self._stored(owner, name, state)) is not None:
            return self.object_called(call, stored)
        if name in effects.HARMLESS or effects.KEEPS.match(name):
            if name in ("values", "items") and isinstance(owner, frozenset):
                item = self.expressions.any_item(owner, state)
                return Each(item if name == "values" else Items((None, item)))
            return Part(objects(owner))
        return self._stranger(call, name, owner)

    def _switch(self, call: Call, name: str, owner: frozenset[Obj] | Part) -> Value:
        obj = next(iter(owner)) if isinstance(owner, frozenset) and len(owner) == 1 else None
        own = method_of(obj, name, self.machine) if obj is not None else None
        if obj is not None and own is not None and own.owner is not None:
            if not own.owner.may_be_module:
                return self.inlining.method(call, own, owner)
            self.modes.set(obj, "unknown", call.frame.site(call.node), call.state, call.frame)
            return owner  # an own train() may keep parts as they are
        site = call.frame.site(call.node)
        self.modes.switch(site, name, owner, call.given, call.named, call.state, call.frame)
        return owner

    def _own_method(self, call: Call, name: str, obj: Obj, owner: frozenset[Obj]) -> Value:
        info = method_of(obj, name, self.machine)
        if info is None or info.owner is None:
            return NotImplemented  # type: ignore[no-any-return]
        kind = obj.told_kind
        runs = name in ("forward", "predict", "encode", "decode")
        if runs and kind is not None and kind.may_be_module and not _switches(info):
            self.note(call, owner)
            return None
        return self.inlining.method(call, info, owner)

    def _stored(self, owner: frozenset[Obj], name: str, state: State) -> Value:
        """``self.model(x)``: what is kept in the attribute, where that is a model or a function."""
        value = self.expressions.attribute(owner, name, state)
        if isinstance(value, (Func, Anonymous)):
            return value
        if isinstance(value, frozenset) and (
            says_model(name) or any(self._may_run(o, owner, state) for o in value)
        ):
            return value
        return None

    def _may_run(self, obj: Obj, owner: frozenset[Obj], state: State) -> bool:
        """Whether what is kept in an attribute is known for a model: built, told a mode, or given."""
        if obj.parent is not None and obj.parent in owner:
            return obj in self.modes.told
        return obj in state.modes and obj.parent is None

    def _stranger(self, call: Call, name: str, owner: frozenset[Obj] | Part) -> Value:
        """A method that is not seen: it may do anything to its object and to what it is given."""
        for obj in objects(owner):
            if not (obj.told_kind is not None and effects.MEASURES.search(name)):
                self.modes.forget(obj, call.state)
        self.modes.taint(call.values, call.state)
        return frozenset({self.expressions.symbol(call.key, None)})

    def _of_super(self, call: Call, func: ast.Attribute) -> Value:
        """``super().f()``."""
        function = call.frame.function
        owner = function.owner if function else None
        receiver = function.receiver if function else None
        itself = call.state.names.get(receiver) if receiver else None
        if (
            owner is None
            or not isinstance(itself, frozenset)
            or (func.attr == "__init__" and owner.is_module)
        ):
            return None
        info = next((m for c in list(owner.lineage())[1:] if (m := _method_in(c, func.attr))), None)
        if info is not None:
            return self.inlining.method(call, info, itself)
        if func.attr in ("train", "eval"):
            site = call.frame.site(call.node)
            self.modes.switch(site, func.attr, itself, call.given, call.named, call.state, call.frame)
        elif not func.attr.startswith("__") and owner.outer_bases:
            self.modes.taint((itself, *call.values), call.state)
        return itself if func.attr in effects.SAME else None

    # Objects that are called.

    def _object_called(self, call: Call, target: frozenset[Obj]) -> Value:
        name = call.node.func.id if isinstance(call.node.func, ast.Name) else ""
        if any(obj in call.state.modes or obj.told_kind or obj.built for obj in target) or says_model(name):
            return self.object_called(call, target)
        self.modes.taint(call.values, call.state)
        return frozenset({self.expressions.symbol(call.key, None)})

    def object_called(self, call: Call, target: Value) -> Value:
        """A model is run, or an own object or function is called."""
        if isinstance(target, Func):
            return self.inlining.function(call, target)
        if isinstance(target, Anonymous):
            return self.inlining.anonymous(call, target)
        if not isinstance(target, frozenset):
            return None
        if len(target) == 1:
            obj = next(iter(target))
            kind = obj.told_kind
            if kind is not None and not kind.may_be_module:
                info = method_of(obj, "__call__", self.machine)
                if info is not None:
                    return self.inlining.method(call, info, target)
        self.note(call, target)
        held = [v for v in call.values if is_modish(v, call.state)]
        self.modes.taint(tuple(held), call.state)
        return frozenset({self.expressions.symbol(call.key, None)})

    # Notes.

    def _step(self, call: Call) -> None:
        for loop in self.machine.loops:
            loop.steps.append(call.frame.site(call.node))

    def note(self, call: Call, target: frozenset[Obj], use: str = "run") -> None:
        """Keep a use of a model, with the modes that it may be in."""
        frame, state = call.frame, call.state
        site, quiet = frame.site(call.node), self.machine.quiet > 0
        if len(target) > MOST_OBJECTS:
            return
        modes = frozenset[Mode]().union(*(state.mode(obj) for obj in target))
        kinds = {kind for kind, _ in modes}
        for obj in target:
            seen = Seen(site, obj, frame.calls, frame.functions, use, self.machine.phase)
            noted = self.machine.seen.setdefault(seen, Noted())
            noted.modes |= modes
            noted.quiet, noted.loud = noted.quiet and quiet, noted.loud or not quiet
            noted.loops = tuple(self.machine.loops)
            if kinds <= {"train", "built"} or kinds == {"eval"}:
                noted.texts = texts_of(state.names)
                noted.evaluated = self._evaluated(obj, state, frame)
            if not quiet and self.machine.loops and use == "run":
                inside = self.machine.loops[-1]
                for loop in self.machine.loops:
                    before = loop.ran[obj, site].modes if (obj, site) in loop.ran else frozenset[Mode]()
                    loop.ran[obj, site] = Ran(before | modes, inside, frame.calls, frame.function)

    @staticmethod
    def _evaluated(obj: Obj, state: State, frame: Frame) -> tuple[tuple[Obj, Site], ...]:
        """Other models that the running function has put in eval mode, and where."""
        body = frame.function.node if frame.function else frame.file.tree
        found = []
        for other, modes in state.modes.items():
            if other is not obj and len(modes) == 1:
                ((kind, site),) = modes
                if kind == "eval" and site is not None and site.file is frame.file:
                    around = frame.file.function_of(site.node)
                    if (around.node if around else frame.file.tree) is body:
                        found.append((other, site))
        return tuple(found)


def _method_in(kind: ClassInfo, name: str) -> FunctionInfo | None:
    return kind.file.functions.by_node[kind.methods[name]] if name in kind.methods else None


def _switches(info: FunctionInfo) -> bool:
    """Whether a method sets a mode itself."""
    calls = info.file.calls_in(info.node)
    return any(isinstance(c.func, ast.Attribute) and c.func.attr in ("eval", "train") for c in calls)


def _is_preparer(owner: frozenset[Obj] | Part) -> bool:
    return any("accelerator" in o.name.lower() or "fabric" in o.name.lower() for o in objects(owner))
