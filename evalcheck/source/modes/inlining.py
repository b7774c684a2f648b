"""Runs the user's own functions in the place of their calls, those of other files too."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects
from evalcheck.source.modes.binding import bind
from evalcheck.source.modes.frames import Call, Frame
from evalcheck.source.modes.idling import Idling
from evalcheck.source.modes.state import Anonymous, Func, Manager, Obj, Part, State, Value, objects
from evalcheck.source.modes.switching import Modes
from evalcheck.source.values import within

if TYPE_CHECKING:
    from evalcheck.source.modes.calls import Calls

DEEPEST_CALL = 9


class Inlining:
    """Calls of functions whose text is at hand."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.idling = Idling()
        self.machine, self.expressions = calls.machine, calls.expressions
        self.modes: Modes = calls.modes

    def method(self, call: Call, info: FunctionInfo, owner: Value) -> Value:
        """A method with its own object."""
        names = self.expressions.decorators(info)
        if "staticmethod" in names:
            return self.function(call, Func(info))
        return self.function(call, Func(info, owner))

    def function(self, call: Call, func: Func) -> Value:
        """Run a function, unless it would be run without end or is not what it seems."""
        info, frame = func.info, call.frame
        if self.idling.is_idle(info):
            return frozenset({self.expressions.symbol(call.key, None)})
        if info in frame.functions or len(frame.calls) >= DEEPEST_CALL:
            return self._given_up(call, func)
        names = self.expressions.decorators(info)
        if not func.bare and not all(self._plain(name) for name in names):
            return self._decorated(call, func)
        takes_itself = info.receiver is not None and (func.bound is not None or "classmethod" in names)
        bound = bind(info, [*([func.bound] if takes_itself else []), *call.given], call.named)
        closure = func.names
        if info.owner is None and frame.function is not None and info.scope is frame.function.node:
            closure = call.state.names
        elif info.owner is not None:
            closure = {}
        bound = {**closure, **bound}
        if any(effects.MANAGERS.match(name) for name in names):
            return Manager(func, bound)
        return self._within(call, lambda: self.machine.call(info, bound, call.state, frame))

    @staticmethod
    def _within(call: Call, run: Callable[[], Value]) -> Value:
        frame = call.frame
        calls = frame.calls
        frame.calls = (*calls, frame.site(call.node))
        try:
            return run()
        finally:
            frame.calls = calls

    @staticmethod
    def _plain(name: str) -> bool:
        return bool(effects.PLAIN_DECORATORS.match(name) or effects.MANAGERS.match(name))

    def _decorated(self, call: Call, func: Func) -> Value:
        """An own decorator is run too; what one of others' does is not known."""
        node, file = func.info.node, func.info.file
        value: Value = Func(func.info, func.bound, func.names, bare=True)
        for decorator, name in zip(
            reversed(node.decorator_list), reversed(self.expressions.decorators(func.info)), strict=True
        ):
            if self._plain(name):
                continue
            wrapper = file.functions.top(name) if isinstance(decorator, ast.Name) else None
            if wrapper is None or wrapper in call.frame.functions:
                return self._given_up(call, func)
            value = self.machine.call(wrapper, bind(wrapper, [value], {}), call.state, call.frame)
        if not isinstance(value, Func):
            return self._given_up(call, func)
        if value.info is func.info:
            return self.function(call, value)
        given = [func.bound, *call.given] if func.bound is not None else call.given
        return self.function(call._replace(given=given), value)

    def _given_up(self, call: Call, func: Func) -> Value:
        self.modes.taint((func.bound, *call.values), call.state)
        return frozenset({self.expressions.symbol(call.key, None)})

    def anonymous(self, call: Call, func: Anonymous) -> Value:
        """``(lambda m: m.eval())(model)``."""
        if len(call.frame.calls) >= DEEPEST_CALL:
            self.modes.taint(call.values, call.state)
            return None
        names = [a.arg for a in func.node.args.args]
        outer = call.state.names
        inner = State({**func.names, **outer, **dict(zip(names, call.given, strict=False))})
        inner.attributes, inner.modes = call.state.attributes, call.state.modes
        value = self.expressions.evaluate(func.node.body, inner, call.frame)
        call.state.attributes, call.state.modes = inner.attributes, inner.modes
        return value

    def applied(self, call: Call, owner: frozenset[Obj] | Part) -> Value:
        """``model.apply(f)``: a function that says nothing of modes leaves them alone."""
        func = call.given[0]
        body = (
            func.info.node if isinstance(func, Func) else func.node if isinstance(func, Anonymous) else None
        )
        if body is None or _speaks_of_modes(body):
            for obj in objects(owner):
                self.modes.forget(obj, call.state)
        return owner


def _speaks_of_modes(node: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in ("eval", "train", "training") for n in within(node))


__all__ = ["Frame", "Inlining"]
