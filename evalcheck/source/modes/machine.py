"""Runs functions on paper: statement by statement, both ways at a branch."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects, managers
from evalcheck.source.modes.binding import matched
from evalcheck.source.modes.expressions import Expressions
from evalcheck.source.modes.frames import Frame, GivenUp, Loop, Noted, Seen
from evalcheck.source.modes.state import Const, Func, Obj, Part, State, Value, join, meet

ROUNDS = 3  # of a loop: what changes after that is not believed
BUDGET = 6000  # statements for one entry
UNROLLED = 4  # items of a literal that a loop goes through one by one

_Loop = ast.For | ast.AsyncFor | ast.While


class Machine:
    """Statements. What expressions do is said by the ``evaluate`` that it is given."""

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.seen: dict[Seen, Noted] = {}
        self.entered: set[FunctionInfo] = set()
        self.loops: list[Loop] = []
        self.finished: list[Loop] = []
        self.quiet = 0
        self.phase: tuple[str, ...] = ()
        self.steps = 0
        self.most_steps = BUDGET
        self.followed: set[SourceFile] = set()
        self._modules: dict[SourceFile, Obj] = {}
        self.expressions = Expressions(self)

    def module(self, file: SourceFile) -> Obj:
        """The object that the globals of a file are attributes of."""
        return self._modules.setdefault(file, Obj())

    def block(self, statements: Sequence[ast.stmt], state: State | None, frame: Frame) -> State | None:
        """The state behind some statements, or None where none of the ways gets there."""
        for statement in statements:
            if state is None:
                return None
            self.steps += 1
            if self.steps > self.most_steps:
                raise GivenUp
            state = self.statement(statement, state, frame)
        return state

    def statement(self, node: ast.stmt, state: State, frame: Frame) -> State | None:
        if isinstance(node, ast.If):
            return self._if(node, state, frame)
        if isinstance(node, _Loop):
            return self._loop(node, state, frame)
        if isinstance(node, (ast.With, ast.AsyncWith)):
            return managers.run_with(self, list(node.items), node.body, state, frame)
        if isinstance(node, (ast.Try, getattr(ast, "TryStar", ast.Try))):
            return self._try(node, state, frame)  # type: ignore[arg-type]
        if isinstance(node, ast.Match):
            return self._match(node, state, frame)
        if isinstance(node, ast.Return):
            value = self.expressions.evaluate(node.value, state, frame) if node.value else Const(None)
            frame.result.append(value)
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
            if isinstance(node.value, ast.Call) and isinstance(value, frozenset):
                self.expressions.wrapped(node, value, state, frame)
            for target in node.targets:
                self.assign(target, value, state, frame)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, evaluate(node.value, state, frame), state, frame)
        elif isinstance(node, ast.AugAssign):
            value = evaluate(node.value, state, frame)
            before = evaluate(node.target, state, frame)
            self.assign(node.target, self.expressions.added(before, value), state, frame)
        elif isinstance(node, (ast.Global, ast.Nonlocal)):
            frame.outer_names.update(node.names if isinstance(node, ast.Global) else ())
        elif isinstance(node, (ast.Expr, ast.Assert)):
            evaluate(node.value if isinstance(node, ast.Expr) else node.test, state, frame)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            info = frame.file.functions.by_node[node]
            self._bind(node.name, Func(info, names=dict(state.names)), state, frame)

    def assign(self, target: ast.expr, value: Value, state: State, frame: Frame) -> None:
        """Bind a name, an attribute, an item, or a tuple of them."""
        if isinstance(target, ast.Name):
            self._bind(target.id, value, state, frame)
        elif isinstance(target, ast.Attribute):
            owner = self.expressions.evaluate(target.value, state, frame)
            self._put(owner, target.attr, value, state)
        elif isinstance(target, ast.Subscript):
            owner = self.expressions.evaluate(target.value, state, frame)
            key = self.expressions.evaluate(target.slice, state, frame)
            self.expressions.put_item(target.value, owner, key, value, state, frame)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, item in enumerate(target.elts):
                self.assign(item, self.expressions.item(value, place, state), state, frame)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, None, state, frame)

    def _bind(self, name: str, value: Value, state: State, frame: Frame) -> None:
        if frame.function is None or name in frame.outer_names:
            state.attributes[self.module(frame.file), name] = value
        else:
            state.names[name] = value

    def _put(self, owner: Value, name: str, value: Value, state: State) -> None:
        modes = self.expressions.modes
        if name == "training":
            for obj in owner.of if isinstance(owner, Part) else owner if isinstance(owner, frozenset) else ():
                modes.forget(obj, state)
        elif isinstance(owner, frozenset):
            for obj in owner:
                state.attributes[obj, name] = value
                modes.put(obj, name, value)

    def _if(self, node: ast.If, state: State, frame: Frame) -> State | None:
        test = self.expressions.truth(node.test, state, frame)
        if test is not None:
            return self.block(node.body if test else node.orelse, state, frame)
        other = state.copy()
        return join(self.block(node.body, state, frame), self.block(node.orelse, other, frame))

    def _match(self, node: ast.Match, state: State, frame: Frame) -> State | None:
        """Each case that may be the one; what a pattern takes out is not known."""
        subject = self.expressions.evaluate(node.subject, state, frame)
        end: State | None = None
        for case in node.cases:
            verdict = matched(case, subject)
            if verdict is False:
                continue
            way = state.copy()
            for one in ast.walk(case.pattern):
                name = getattr(one, "name", None) or getattr(one, "rest", None)
                if name:
                    self._bind(name, None, way, frame)
            end = join(end, self.block(case.body, way, frame))
            if verdict:
                return end
        return join(end, state)

    # Loops.

    def _loop(self, node: _Loop, state: State, frame: Frame) -> State | None:
        source: Value = None
        if not isinstance(node, ast.While):
            source = self.expressions.evaluate(node.iter, state, frame)
            items = self.expressions.listed(source)
            if items is not None and 0 < len(items) <= UNROLLED:
                return self._unrolled(node, items, state, frame)
        loop = Loop(node, frame.file)
        self.loops.append(loop)
        frame.breaks.append([])
        try:
            ends = self._rounds(node, source, state, frame)
        finally:
            self.loops.remove(loop)
        self.finished.append(loop)
        for broken in frame.breaks.pop():
            ends = join(ends, broken)
        return self.block(node.orelse, ends, frame)

    def _rounds(self, node: _Loop, source: Value, state: State, frame: Frame) -> State | None:
        """The body until nothing changes: loops over data are believed to run at least once."""
        before: State | None = state
        ends: State | None = None
        for _ in range(ROUNDS if len(self.loops) < 3 else 2):
            assert before is not None
            entry = before.copy()
            if isinstance(node, ast.While):
                self.expressions.evaluate(node.test, before, frame)
            else:
                self.assign(node.target, self.expressions.any_item(source, before), before, frame)
            end = self._body(node, before, frame)
            ends = join(ends, end)
            before = join(entry, end)
            if before is None or before.settled(entry):
                break
        return ends

    def _body(self, node: _Loop, state: State, frame: Frame) -> State | None:
        frame.continues.append([])
        end = self.block(node.body, state, frame)
        for way in frame.continues.pop():
            end = join(end, way)
        return end

    def _unrolled(
        self, node: ast.For | ast.AsyncFor, items: list[Value], state: State, frame: Frame
    ) -> State | None:
        """``for phase in ["train", "val"]``: each round knows its phase."""
        frame.breaks.append([])
        now: State | None = state
        phase = self.phase
        for item in items:
            if now is not None:
                if isinstance(item, Const) and isinstance(item.value, str):
                    self.phase = (*phase, item.value)
                self.assign(node.target, item, now, frame)
                now = self._body(node, now, frame)
        self.phase = phase
        for broken in frame.breaks.pop():
            now = join(now, broken)
        return now

    def _try(self, node: ast.Try, state: State, frame: Frame) -> State | None:
        def guarded(state: State) -> State | None:
            before = state.copy()
            end = self.block(node.body, state, frame)
            failed = join(before, end)
            if end is not None:
                end = self.block(node.orelse, end, frame)
            for handler in node.handlers:
                end = join(end, self.block(handler.body, failed.copy() if failed else None, frame))
            return end

        if not node.finalbody:
            return guarded(state)
        return managers.around(guarded, lambda s: self.block(node.finalbody, s, frame), state, frame)

    # Functions.

    def call(
        self,
        function: FunctionInfo,
        names: dict[str, Value],
        state: State,
        frame: Frame,
        at_yield: Callable[[Value, State], None] | None = None,
    ) -> Value:
        """Run a function in place; its effects stay in ``state``."""
        self.entered.add(function)
        inner = Frame(function.file, function, frame.calls, (*frame.functions, function), at_yield=at_yield)
        quiet = any(effects.NO_GRAD.match(d) for d in self.expressions.decorators(function))
        run = State(dict(names), dict(state.attributes), dict(state.modes))
        before, self.quiet = self.quiet, self.quiet + quiet
        try:
            end = join(self.block(function.node.body, run, inner), inner.returned)
        finally:
            self.quiet = before
        if end is None:
            return None
        state.attributes, state.modes = end.attributes, end.modes
        if inner.given_out:
            return self.expressions.collected(inner.given_out)
        result: Value = inner.result[0] if inner.result else Const(None)
        for other in inner.result[1:]:
            result = meet(result, other)
        return result
