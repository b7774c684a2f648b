"""Code with something before and after it: ``with``, and ``try`` with ``finally``."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from evalcheck.source.modes import effects
from evalcheck.source.modes.frames import Frame
from evalcheck.source.modes.state import Const, Manager, Obj, State, Value, join

if TYPE_CHECKING:
    from evalcheck.source.modes.machine import Machine

Block = Callable[[State], State | None]


def around(body: Block, after: Block, state: State, frame: Frame) -> State | None:
    """Run a piece of code, then another one on every way that leaves the first."""
    returned, frame.returned = frame.returned, None
    breaks, continues = list(frame.breaks[-1:]), list(frame.continues[-1:])
    if breaks:
        frame.breaks[-1] = []
    if continues:
        frame.continues[-1] = []
    end = body(state)
    left = [
        frame.returned,
        *(frame.breaks[-1] if breaks else ()),
        *(frame.continues[-1] if continues else ()),
    ]
    everywhere = end
    for way in left:
        everywhere = join(everywhere, way)
    final = after(everywhere.copy()) if everywhere is not None else None
    if final is not None:
        for way in left:
            if way is not None:
                way.attributes, way.modes = dict(final.attributes), dict(final.modes)
    if breaks:
        frame.breaks[-1] = breaks[0] + (frame.breaks[-1] if final else [])
    if continues:
        frame.continues[-1] = continues[0] + (frame.continues[-1] if final else [])
    frame.returned = join(returned, frame.returned if final else None)
    return final if end is not None else None


def run_with(
    machine: Machine, items: list[ast.withitem], body: Sequence[ast.stmt], state: State, frame: Frame
) -> State | None:
    """``with a, b: body``, one manager after the other."""
    if not items:
        return machine.block(body, state, frame)
    item, rest = items[0], items[1:]

    def inside(now: State) -> State | None:
        return run_with(machine, rest, body, now, frame)

    quiet = _gradients_off(machine, item.context_expr, state, frame)
    if quiet is not None:
        before, machine.quiet = machine.quiet, machine.quiet + quiet
        try:
            return inside(state)
        finally:
            machine.quiet = before
    value = machine.expressions.evaluate(item.context_expr, state, frame)
    if isinstance(value, Manager):
        return _generator(machine, value, item.optional_vars, inside, state, frame)
    if isinstance(value, frozenset) and len(value) == 1 and (obj := next(iter(value))).told_kind:
        known = _with_methods(machine, obj, item, inside, state, frame)
        if known is not NotImplemented:
            return known
    if item.optional_vars is not None:
        machine.assign(item.optional_vars, value, state, frame)
    return inside(state)


def _gradients_off(machine: Machine, node: ast.expr, state: State, frame: Frame) -> int | None:
    """Whether a manager switches gradients off; None where it is another manager."""
    call = node if isinstance(node, ast.Call) else None
    name = frame.file.resolve(call.func if call else node) or ""
    if name.endswith(".set_grad_enabled") and call is not None and call.args:
        return 1 if machine.expressions.truth(call.args[0], state, frame) is False else 0
    return 1 if effects.NO_GRAD.match(name) else None


def _generator(
    machine: Machine, manager: Manager, target: ast.expr | None, inside: Block, state: State, frame: Frame
) -> State | None:
    """An own ``@contextmanager``: the body runs where it yields."""
    ends: list[State | None] = []

    def at_yield(value: Value, inner: State) -> None:
        now = State(dict(state.names), dict(inner.attributes), dict(inner.modes))
        if target is not None:
            machine.assign(target, value, now, frame)

        def after(left: State) -> State:
            inner.attributes, inner.modes = left.attributes, left.modes
            return left

        ends.append(around(inside, after, now, frame))

    machine.call(manager.func.info, manager.names, state, frame, at_yield)
    if not ends:
        return inside(state)
    end = ends[0]
    for other in ends[1:]:
        end = join(end, other)
    for way in (end, frame.returned):
        if way is not None:
            way.attributes, way.modes = dict(state.attributes), dict(state.modes)
    return end


def _with_methods(
    machine: Machine, obj: Obj, item: ast.withitem, inside: Block, state: State, frame: Frame
) -> State | None:
    """An own class with ``__enter__`` and ``__exit__``."""
    kind = obj.kind
    enter = kind.method_info("__enter__") if kind else None
    leave = kind.method_info("__exit__") if kind else None
    if enter is None or leave is None:
        return NotImplemented  # type: ignore[no-any-return]
    itself: Value = frozenset({obj})
    value = machine.expressions.run(enter, [itself], {}, state, frame)
    if item.optional_vars is not None:
        machine.assign(item.optional_vars, value, state, frame)

    def after(now: State) -> State:
        machine.expressions.run(leave, [itself, *[Const(None)] * 3], {}, now, frame)
        return now

    return around(inside, after, state, frame)
