"""What expressions are worth on paper, and what their calls do to modes."""

from __future__ import annotations

import ast

from evalcheck.source.classes import ClassInfo
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.index import children
from evalcheck.source.layers import class_depends_on_mode
from evalcheck.source.modes import effects
from evalcheck.source.modes.binding import bind, compared
from evalcheck.source.modes.builders import built_object
from evalcheck.source.modes.frames import Frame, Runner, Seen
from evalcheck.source.modes.state import Const, Items, Obj, Part, State, Value, meet
from evalcheck.source.modes.switching import Modes

DEEPEST_CALL = 8
DEEPEST_EXPRESSION = 60


class Expressions:
    """Evaluates expressions for the machine that runs statements."""

    def __init__(self, machine: Runner) -> None:
        self.machine = machine
        self.file = machine.file
        self._symbols: dict[object, Obj] = {}
        self.modes = Modes()
        self._depth = 0

    # Values.

    def evaluate(self, node: ast.expr, state: State, frame: Frame) -> Value:
        """The value of an expression; its calls have their effects on ``state``."""
        self._depth += 1
        try:
            if self._depth > DEEPEST_EXPRESSION:
                return None
            return self._value(node, state, frame)
        finally:
            self._depth -= 1

    def _value(self, node: ast.expr, state: State, frame: Frame) -> Value:
        if isinstance(node, ast.Constant):
            return Const(node.value)
        if isinstance(node, ast.Name):
            return self._name(node, state, frame)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.evaluate(node.value, state, frame), node.attr, state)
        if isinstance(node, ast.Call):
            return self._call(node, state, frame)
        if isinstance(node, (ast.Tuple, ast.List)):
            return Items(tuple(self.evaluate(item, state, frame) for item in node.elts))
        if isinstance(node, ast.Subscript):
            key = self.evaluate(node.slice, state, frame)
            owner = self.evaluate(node.value, state, frame)
            return self.item(owner, key.value, state) if isinstance(key, Const) else self._part(owner)
        if isinstance(node, ast.IfExp):
            test = self.truth(node.test, state, frame)
            if test is not None:
                return self.evaluate(node.body if test else node.orelse, state, frame)
            return meet(self.evaluate(node.body, state, frame), self.evaluate(node.orelse, state, frame))
        if isinstance(node, (ast.Await, ast.Starred)):
            return self.evaluate(node.value, state, frame)
        if isinstance(node, ast.NamedExpr):
            value = self.evaluate(node.value, state, frame)
            self.machine.assign(node.target, value, state, frame)
            return value
        return self._other(node, state, frame)

    def _other(self, node: ast.expr, state: State, frame: Frame) -> Value:
        """Any other expression: its calls count, its value is not known."""
        if isinstance(node, ast.Lambda):
            return None
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
            for part in node.generators:
                source = self.evaluate(part.iter, state, frame)
                self.machine.assign(part.target, source if isinstance(source, Part) else None, state, frame)
            inner = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
            for item in inner:
                self.evaluate(item, state, frame)
            return None
        for child in children(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, state, frame)
        return None

    def _name(self, node: ast.Name, state: State, frame: Frame) -> Value:
        if node.id in state.names:
            return state.names[node.id]
        key = (self.machine.module, node.id)
        if key in state.attributes:
            return state.attributes[key]
        if self.file.names.imported.get(node.id) or self.file.classes.named(node):
            return None
        return None if node.id in effects.BUILTINS else frozenset({self._symbol(key, None)})

    def attribute(self, owner: Value, name: str, state: State) -> Value:
        """``owner.name``: what was put there, or what stands for it."""
        if isinstance(owner, Part):
            return owner
        if not isinstance(owner, frozenset):
            return None
        if name == "module":
            return owner
        found: Value = None
        for place, obj in enumerate(sorted(owner, key=id)):
            if (obj, name) in state.attributes:
                value = state.attributes[obj, name]
            elif obj.built is not None:
                value = Part(frozenset({obj}))
            else:
                value = frozenset({self._symbol((obj, name), obj)})
            found = value if place == 0 else meet(found, value)
        return found

    def item(self, owner: Value, key: object, state: State) -> Value:
        """``owner[key]``."""
        if isinstance(owner, Items):
            if isinstance(key, int) and -len(owner.items) <= key < len(owner.items):
                return owner.items[key]
            return None
        if isinstance(owner, frozenset):
            return self.attribute(owner, f"[{key!r}]", state)
        return owner if isinstance(owner, Part) else None

    def _part(self, owner: Value) -> Value:
        return Part(owner) if isinstance(owner, frozenset) else owner if isinstance(owner, Part) else None

    def _symbol(self, key: object, parent: Obj | None, kind: ClassInfo | None = None) -> Obj:
        """The one object that stands for something not built here."""
        if key not in self._symbols:
            self._symbols[key] = Obj(kind, parent, class_depends_on_mode(self.file, kind) if kind else None)
            if parent is not None:
                self.modes.below.setdefault(parent, []).append(self._symbols[key])
        return self._symbols[key]

    def stand_in(self, key: object, kind: ClassInfo | None = None) -> Value:
        """A value for a parameter that nobody in the file gives."""
        return frozenset({self._symbol(key, None, kind)})

    def truth(self, test: ast.expr, state: State, frame: Frame) -> bool | None:
        """Whether a condition holds, where literals decide it."""
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            value = self.truth(test.operand, state, frame)
            return None if value is None else not value
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            left = self.evaluate(test.left, state, frame)
            right = self.evaluate(test.comparators[0], state, frame)
            return compared(test.ops[0], left, right)
        value_ = self.evaluate(test, state, frame)
        return bool(value_.value) if isinstance(value_, Const) else None

    # Calls.

    def _call(self, node: ast.Call, state: State, frame: Frame) -> Value:
        func = node.func
        owner = self.evaluate(func.value, state, frame) if isinstance(func, ast.Attribute) else None
        target = None if isinstance(func, ast.Attribute) else self.evaluate(func, state, frame)
        given = [self.evaluate(a, state, frame) for a in node.args]
        named = {k.arg or "**": self.evaluate(k.value, state, frame) for k in node.keywords}
        if isinstance(func, ast.Attribute) and isinstance(owner, (frozenset, Part)):
            known = self._method(node, func.attr, owner, given, named, state, frame)
            if known is not NotImplemented:
                return known
        elif isinstance(target, frozenset) and (known := self._object_called(node, target, state, frame)):
            self.modes.taint((*given, *named.values()), state)
            return known
        return self._function(node, given, named, state, frame)

    def _method(
        self,
        node: ast.Call,
        name: str,
        owner: frozenset[Obj] | Part,
        given: list[Value],
        named: dict[str, Value],
        state: State,
        frame: Frame,
    ) -> Value:
        """A method of an object: of a class of the file, of torch, or not known."""
        objects = owner.of if isinstance(owner, Part) else owner
        if isinstance(owner, frozenset) and len(owner) == 1:
            kind = next(iter(owner)).kind
            method = kind.method(name) if kind else None
            if method is not None:
                info = self.file.functions.by_node[method]
                if kind is not None and kind.may_be_module and name in effects.RUNS:
                    self._note(node, owner, state, frame)
                    return None
                return self._inline(node, info, [owner, *given], named, state, frame)
        if name in ("eval", "train"):
            self.modes.switch(node, name, owner, given, named, state)
            return owner
        if name in effects.SAME:
            return owner
        if isinstance(owner, frozenset) and name in effects.RUNS:
            # other objects than modules have a train() and a predict() of their own
            sure = frozenset(o for o in owner if o.built is not None or o.kind is not None)
            self._note(node, owner if name == "forward" else sure, state, frame)
            return None
        if isinstance(owner, frozenset) and (owner_stored := self._stored_callable(owner, name, state)):
            self._note(node, owner_stored, state, frame)
            self.modes.taint((*given, *named.values()), state)
            return frozenset({self._symbol(node, None)})
        if name not in effects.HARMLESS:
            for obj in objects:
                self.modes.forget(obj, state)
            self.modes.taint((*given, *named.values()), state)
            return frozenset({self._symbol(node, None)})
        return Part(frozenset(objects))

    def _stored_callable(self, owner: frozenset[Obj], name: str, state: State) -> frozenset[Obj] | None:
        """``self.model(x)``: the object behind the attribute, where a mode of it is known."""
        value = self.attribute(owner, name, state)
        if isinstance(value, frozenset) and any(obj in state.modes for obj in value):
            return value
        return None

    def _object_called(self, node: ast.Call, target: frozenset[Obj], state: State, frame: Frame) -> Value:
        if not any(obj in state.modes for obj in target):
            return None
        self._note(node, target, state, frame)
        return frozenset({self._symbol(node, None)})

    def _function(
        self, node: ast.Call, given: list[Value], named: dict[str, Value], state: State, frame: Frame
    ) -> Value:
        """A function: of the file, a constructor, a wrapper, or not known."""
        info = self.file.callee(node)
        if info is not None:
            return self._inline(node, info, given, named, state, frame)
        kind = self.file.classes.named(node.func)
        if kind is not None and not kind.may_be_module and not kind.of_framework:
            obj = self._symbol((node, frame.calls), None, kind)
            init = kind.method("__init__")
            if init is not None:
                self._inline(
                    node, self.file.functions.by_node[init], [frozenset({obj}), *given], named, state, frame
                )
            return frozenset({obj})
        name = self._dotted(node.func)
        if effects.WRAPPERS.search(name):
            return given[0] if given else None
        built = built_object(self.file, node, kind)
        if built is not None:
            obj = self._symbols.setdefault((node, frame.calls), built)
            state.modes[obj] = frozenset({("built", node)})
            return frozenset({obj})
        if not (effects.LOOKING.match(name) or (name in effects.BUILTINS and "." not in name)):
            self.modes.taint((*given, *named.values()), state)
        elif name in ("enumerate", "zip", "list", "iter", "next", "reversed", "map", "filter"):
            parts = [v for v in given if isinstance(v, Part)]
            return parts[0] if parts else None
        return frozenset({self._symbol((node, frame.calls), None)})

    def _inline(
        self,
        node: ast.Call,
        info: FunctionInfo,
        given: list[Value],
        named: dict[str, Value],
        state: State,
        frame: Frame,
    ) -> Value:
        """Run a function of the file, unless it would be run without end or is not what it seems."""
        plain = all(
            effects.PLAIN_DECORATORS.match(self._dotted(d)) for d in info.node.decorator_list
        ) and not any(isinstance(a, ast.Starred) for a in node.args)
        if not plain or info in frame.functions or len(frame.calls) >= DEEPEST_CALL or "**" in named:
            self.modes.taint((*given, *named.values()), state)
            return frozenset({self._symbol((node, frame.calls), None)})
        is_bound = info.receiver is not None and isinstance(node.func, ast.Attribute)
        if is_bound and self.file.callee(node) is info and len(given) == len(node.args):
            assert isinstance(node.func, ast.Attribute)
            given = [self.evaluate(node.func.value, state, frame), *given]
        if any(self._dotted(d) == "staticmethod" for d in info.node.decorator_list):
            given = given[len(given) - len(node.args) :]
        names = bind(info, given, named)
        calls = frame.calls
        frame.calls = (*calls, node)
        try:
            return self.machine.call(info, names, state, frame)
        finally:
            frame.calls = calls

    def _dotted(self, node: ast.expr) -> str:
        node = node.func if isinstance(node, ast.Call) else node
        return self.file.resolve(node) or (node.id if isinstance(node, ast.Name) else "?")

    def _note(self, node: ast.Call, target: frozenset[Obj], state: State, frame: Frame) -> None:
        """Keep a run of a model, with the modes that it may be in."""
        for obj in target:
            if obj in state.modes:
                seen = Seen(node, obj, frame.calls, frame.functions)
                before = self.machine.seen.get(seen, frozenset())
                self.machine.seen[seen] = before | state.mode(obj)
                self.machine.values[seen] = state.names
