"""What expressions are worth on paper; what their calls do is said in ``calls``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.index import children
from evalcheck.source.modes import effects
from evalcheck.source.modes.binding import bind, compared
from evalcheck.source.modes.calls import Calls
from evalcheck.source.modes.collections import Collections
from evalcheck.source.modes.dotted import dotted
from evalcheck.source.modes.frames import Frame
from evalcheck.source.modes.state import (
    Anonymous,
    Const,
    Func,
    Items,
    Obj,
    Part,
    State,
    Table,
    Value,
    Was,
    join,
    meet,
)
from evalcheck.source.modes.switching import Modes

if TYPE_CHECKING:
    from evalcheck.source.modes.machine import Machine

DEEPEST_EXPRESSION = 60


class Expressions(Collections):
    """Evaluates expressions for the machine that runs statements."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.modes = Modes(machine)
        self.calls = Calls(self)
        self._symbols: dict[object, Obj] = {}
        self._decorators: dict[FunctionInfo, tuple[str, ...]] = {}
        self._depth = 0

    def evaluate(self, node: ast.expr, state: State, frame: Frame) -> Value:
        """The value of an expression; its calls have their effects on ``state``."""
        self._depth += 1
        try:
            if self._depth > DEEPEST_EXPRESSION:
                return None
            kind = type(node)
            known = _KINDS.get(kind)
            return known(self, node, state, frame) if known else self._other(node, state, frame)
        finally:
            self._depth -= 1

    def _other(self, node: ast.expr, state: State, frame: Frame) -> Value:
        """Any other expression: its calls count, its value is not known."""
        for child in children(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, state, frame)
        return None

    def _constant(self, node: ast.Constant, state: State, frame: Frame) -> Value:
        return Const(node.value)

    def _name(self, node: ast.Name, state: State, frame: Frame) -> Value:
        if node.id in state.names:
            return state.names[node.id]
        file = frame.file
        key = (self.machine.module(file), node.id)
        if key in state.attributes:
            return state.attributes[key]
        if file.names.imported.get(node.id) or file.classes.top(node.id):
            return None
        function = file.functions.top(node.id)
        if function is not None:
            return Func(function)
        return None if node.id in effects.BUILTINS else frozenset({self.symbol(key, None, node.id)})

    def _attribute(self, node: ast.Attribute, state: State, frame: Frame) -> Value:
        owner = self.evaluate(node.value, state, frame)
        if node.attr in ("eval", "train") and isinstance(node.ctx, ast.Load):
            self.modes.taint((owner,), state)  # it is called somewhere else
        return self.attribute(owner, node.attr, state)

    def attribute(self, owner: Value, name: str, state: State) -> Value:
        """``owner.name``: what was put there, or what stands for it."""
        if isinstance(owner, Part):
            return owner
        if not isinstance(owner, frozenset):
            return None
        if name == "module":
            return owner
        if name == "__dict__":
            return Part(owner)
        if name == "training":
            obj = next(iter(owner))
            return Was(obj, state.mode(obj)) if len(owner) == 1 else None
        found: Value = None
        for place, obj in enumerate(sorted(owner, key=id)):
            value = self._attribute_of(obj, name, state)
            found = value if place == 0 else meet(found, value)
        return found

    def _attribute_of(self, obj: Obj, name: str, state: State) -> Value:
        if (obj, name) in state.attributes:
            return state.attributes[obj, name]
        if obj.built is not None:
            return Part(frozenset({obj}))
        return frozenset({self.symbol((obj, name), obj, name)})

    def symbol(self, key: object, parent: Obj | None, name: str = "") -> Obj:
        """The one object that stands for something not built here."""
        found = self._symbols.get(key)
        if found is None:
            found = self._symbols[key] = Obj(None, parent, name=name)
            if parent is not None:
                self.modes.below.setdefault(parent, []).append(found)
        return found

    def wrapped(self, node: ast.Assign, value: frozenset[Obj], state: State, frame: Frame) -> None:
        """``model = prepare(model)``: what came out unknown still has the layers that went in."""
        call, target = node.value, node.targets[0]
        assert isinstance(call, ast.Call)
        first = call.args[0] if call.args else None
        if isinstance(target, ast.Name) and isinstance(first, ast.Name) and first.id == target.id:
            before = self._name(first, state, frame)
            if isinstance(before, frozenset) and len(before) == len(value) == 1:
                next(iter(value)).holds(next(iter(before)))

    def keep(self, key: object, obj: Obj) -> Obj:
        """An object by the call that builds it, the same one in every round of a loop."""
        return self._symbols.setdefault(key, obj)

    # Expressions with several ways.

    def _if(self, node: ast.IfExp, state: State, frame: Frame) -> Value:
        test = self.truth(node.test, state, frame)
        if test is not None:
            return self.evaluate(node.body if test else node.orelse, state, frame)
        other = state.copy()
        one = self.evaluate(node.body, state, frame)
        two = self.evaluate(node.orelse, other, frame)
        state.take(join(state, other) or state)
        return meet(one, two)

    def _bool(self, node: ast.BoolOp, state: State, frame: Frame) -> Value:
        """``a and b``: what stands behind may not be run."""
        found = self.evaluate(node.values[0], state, frame)
        for item in node.values[1:]:
            decided = self._truth_of(found)
            if decided is not None and decided is isinstance(node.op, ast.Or):
                return found
            way = state.copy() if decided is None else state
            value = self.evaluate(item, way, frame)
            if way is not state:
                state.take(join(state, way) or state)
            found = value if decided is not None else meet(found, value)
        return found

    def _named(self, node: ast.NamedExpr, state: State, frame: Frame) -> Value:
        value = self.evaluate(node.value, state, frame)
        self.machine.assign(node.target, value, state, frame)
        return value

    def _inner(self, node: ast.Await | ast.Starred, state: State, frame: Frame) -> Value:
        return self.evaluate(node.value, state, frame)

    def _lambda(self, node: ast.Lambda, state: State, frame: Frame) -> Value:
        return Anonymous(node, dict(state.names))

    def _yield(self, node: ast.Yield | ast.YieldFrom, state: State, frame: Frame) -> Value:
        value = self.evaluate(node.value, state, frame) if node.value else Const(None)
        if frame.at_yield is not None:
            frame.at_yield(value, state)
            return None
        frame.given_out.append(value if isinstance(node, ast.Yield) else self.any_item(value, state))
        return None

    def _not(self, node: ast.UnaryOp, state: State, frame: Frame) -> Value:
        value = self.evaluate(node.operand, state, frame)
        if not isinstance(node.op, ast.Not):
            minus = (
                isinstance(node.op, ast.USub) and isinstance(value, Const) and isinstance(value.value, int)
            )
            return Const(-value.value) if minus else None  # type: ignore[union-attr, operator]
        if isinstance(value, Was):
            return Was(value.obj, value.modes, not value.negated)
        known = self._truth_of(value)
        return None if known is None else Const(not known)

    def _compare(self, node: ast.Compare, state: State, frame: Frame) -> Value:
        left = self.evaluate(node.left, state, frame)
        right = [self.evaluate(other, state, frame) for other in node.comparators]
        known = compared(node.ops[0], left, right[0]) if len(right) == 1 else None
        return None if known is None else Const(known)

    def truth(self, test: ast.expr, state: State, frame: Frame) -> bool | None:
        """Whether a condition holds, where literals or a known mode decide it."""
        return self._truth_of(self.evaluate(test, state, frame))

    @staticmethod
    def _truth_of(value: Value) -> bool | None:
        if isinstance(value, Const):
            return bool(value.value)
        if isinstance(value, Was):
            kinds = {kind for kind, _ in value.modes}
            if kinds and kinds <= {"train", "built"}:
                return not value.negated
            return value.negated if kinds == {"eval"} else None
        if isinstance(value, (Items, Table)) and value.items:
            return True
        return None

    # Functions.

    def decorators(self, info: FunctionInfo) -> tuple[str, ...]:
        """The dotted names of a function's decorators."""
        if info not in self._decorators:
            self._decorators[info] = tuple(dotted(info.file.resolve, d) for d in info.node.decorator_list)
        return self._decorators[info]

    def run(
        self, info: FunctionInfo, given: list[Value], named: dict[str, Value], state: State, frame: Frame
    ) -> Value:
        """Run a function with arguments, its own object among them."""
        return self.machine.call(info, bind(info, given, named), state, frame)


_KINDS: dict[type[ast.AST], Callable[..., Value]] = {
    ast.Constant: Expressions._constant,
    ast.Name: Expressions._name,
    ast.Attribute: Expressions._attribute,
    ast.Call: lambda self, node, state, frame: self.calls.call(node, state, frame),
    ast.Tuple: Expressions.sequence,
    ast.List: Expressions.sequence,
    ast.Set: Expressions.sequence,
    ast.Dict: Expressions.table,
    ast.Subscript: Expressions.subscript,
    ast.IfExp: Expressions._if,
    ast.BoolOp: Expressions._bool,
    ast.NamedExpr: Expressions._named,
    ast.Await: Expressions._inner,
    ast.Starred: Expressions._inner,
    ast.Lambda: Expressions._lambda,
    ast.Yield: Expressions._yield,
    ast.YieldFrom: Expressions._yield,
    ast.UnaryOp: Expressions._not,
    ast.Compare: Expressions._compare,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
}
