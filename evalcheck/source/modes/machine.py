"""Runs a file's functions on paper: statement by statement, both ways at a branch."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.expressions import Expressions
from evalcheck.source.modes.frames import Frame, GivenUp, Seen
from evalcheck.source.modes.state import Const, Mode, Obj, Part, State, Value, join, meet
from evalcheck.source.values import UNKNOWN as NOT_LITERAL
from evalcheck.source.values import literal

ROUNDS = 3  # of a loop: what changes after that is not believed
BUDGET = 6000  # statements for one entry
UNROLLED = 4  # items of a literal that a loop goes through one by one


class Machine:
    """Statements. What expressions do is said by the ``evaluate`` that it is given."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.seen: dict[Seen, frozenset[Mode]] = {}
        self.values: dict[Seen, dict[str, Value]] = {}
        self.entered: set[FunctionInfo] = set()
        self.module = Obj()
        self.steps = 0
        self.expressions = Expressions(self)

    def block(self, statements: Sequence[ast.stmt], state: State | None, frame: Frame) -> State | None:
        """The state behind some statements, or None where none of the ways gets there."""
        for statement in statements:
            if state is None:
                return None
            self.steps += 1
            if self.steps > BUDGET:
                raise GivenUp
            state = self.statement(statement, state, frame)
        return state

    def statement(self, node: ast.stmt, state: State, frame: Frame) -> State | None:
        evaluate = self.expressions.evaluate
        if isinstance(node, ast.If):
            return self._if(node, state, frame)
        if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
            return self._loop(node, state, frame)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                value = evaluate(item.context_expr, state, frame)
                if item.optional_vars is not None:
                    self.assign(item.optional_vars, value, state, frame)
            return self.block(node.body, state, frame)
        if isinstance(node, ast.Try):
            return self._try(node, state, frame)
        if isinstance(node, ast.Return):
            frame.result.append(evaluate(node.value, state, frame) if node.value else Const(None))
            frame.returned = join(frame.returned, state)
            return None
        if isinstance(node, ast.Raise):
            return None
        if isinstance(node, (ast.Break, ast.Continue)):
            ways = frame.breaks if isinstance(node, ast.Break) else frame.continues
            if ways:
                ways[-1].append(state.copy())
            return None
        self._simple(node, state, frame)
        return state

    def _simple(self, node: ast.stmt, state: State, frame: Frame) -> None:
        evaluate = self.expressions.evaluate
        if isinstance(node, ast.Assign):
            value = evaluate(node.value, state, frame)
            for target in node.targets:
                self.assign(target, value, state, frame)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, evaluate(node.value, state, frame), state, frame)
        elif isinstance(node, ast.AugAssign):
            evaluate(node.value, state, frame)
            self.assign(node.target, None, state, frame)
        elif isinstance(node, ast.Global):
            frame.outer_names.update(node.names)
        elif isinstance(node, (ast.Match, ast.Nonlocal)):
            raise GivenUp
        elif isinstance(node, (ast.Expr, ast.Assert)):
            evaluate(node.value if isinstance(node, ast.Expr) else node.test, state, frame)

    def assign(self, target: ast.expr, value: Value, state: State, frame: Frame) -> None:
        """Bind a name, an attribute or a tuple of them."""
        if isinstance(target, ast.Name):
            if frame.function is None or target.id in frame.outer_names:
                state.attributes[self.module, target.id] = value
            else:
                state.names[target.id] = value
        elif isinstance(target, ast.Attribute):
            owner = self.expressions.evaluate(target.value, state, frame)
            for obj in owner if isinstance(owner, frozenset) else ():
                if target.attr == "training":
                    self.expressions.modes.forget(obj, state)
                state.attributes[obj, target.attr] = value
            if isinstance(owner, Part) and target.attr == "training":
                for obj in owner.of:
                    self.expressions.modes.forget(obj, state)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, item in enumerate(target.elts):
                self.assign(item, self.expressions.item(value, place, state), state, frame)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, None, state, frame)

    def _if(self, node: ast.If, state: State, frame: Frame) -> State | None:
        test = self.expressions.truth(node.test, state, frame)
        if test is not None:
            return self.block(node.body if test else node.orelse, state, frame)
        other = state.copy()
        return join(self.block(node.body, state, frame), self.block(node.orelse, other, frame))

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While, state: State, frame: Frame) -> State | None:
        if not isinstance(node, ast.While):
            items = self._literal_items(node.iter)
            if items is not None:
                return self._unrolled(node, items, state, frame)
        before: State | None = state
        frame.breaks.append([])
        ends: State | None = None
        for _ in range(ROUNDS):
            assert before is not None
            entry = before.copy()
            end = self._round(node, before, frame)
            ends = join(ends, end)
            before = join(entry, end)
            if before is None or before.same(entry):
                break
        for broken in frame.breaks.pop():
            ends = join(ends, broken)
        return self.block(node.orelse, ends, frame)

    def _round(self, node: ast.For | ast.AsyncFor | ast.While, state: State, frame: Frame) -> State | None:
        """Once through the body: loops over data are believed to run at least once."""
        if isinstance(node, ast.While):
            self.expressions.evaluate(node.test, state, frame)
        else:
            value = self.expressions.evaluate(node.iter, state, frame)
            self.assign(node.target, value if isinstance(value, Part) else None, state, frame)
        return self._body(node, state, frame)

    def _body(self, node: ast.For | ast.AsyncFor | ast.While, state: State, frame: Frame) -> State | None:
        frame.continues.append([])
        end = self.block(node.body, state, frame)
        for way in frame.continues.pop():
            end = join(end, way)
        return end

    def _literal_items(self, node: ast.expr) -> list[Value] | None:
        value = literal(node)
        if isinstance(value, tuple) and 0 < len(value) <= UNROLLED and value is not NOT_LITERAL:
            return [Const(item) for item in value]
        return None

    def _unrolled(
        self, node: ast.For | ast.AsyncFor, items: list[Value], state: State, frame: Frame
    ) -> State | None:
        """``for phase in ["train", "val"]``: each round knows its phase."""
        frame.breaks.append([])
        now: State | None = state
        for item in items:
            if now is not None:
                self.assign(node.target, item, now, frame)
                now = self._body(node, now, frame)
        for broken in frame.breaks.pop():
            now = join(now, broken)
        return now

    def _try(self, node: ast.Try, state: State, frame: Frame) -> State | None:
        before = state.copy()
        end = self.block(node.body, state, frame)
        failed = join(before, end)
        if end is not None:
            end = self.block(node.orelse, end, frame)
        for handler in node.handlers:
            end = join(end, self.block(handler.body, failed.copy() if failed else None, frame))
        return self.block(node.finalbody, end, frame)

    def call(self, function: FunctionInfo, names: dict[str, Value], state: State, frame: Frame) -> Value:
        """Run a function of the file in place; its effects stay in ``state``."""
        self.entered.add(function)
        inner = Frame(function, frame.calls, (*frame.functions, function))
        closure = dict(state.names) if frame.function and function.scope is frame.function.node else {}
        run = State({**closure, **names}, state.attributes, state.modes).copy()
        end = join(self.block(function.node.body, run, inner), inner.returned)
        if end is None:
            return None
        state.attributes, state.modes = end.attributes, end.modes
        result: Value = inner.result[0] if inner.result else Const(None)
        for other in inner.result[1:]:
            result = meet(result, other)
        return result
