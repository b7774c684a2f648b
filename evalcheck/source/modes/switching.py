"""Changes of mode: by a call that says so, or by somebody whose doings are not known."""

from __future__ import annotations

import ast

from evalcheck.source.modes.state import Const, Items, Kind, Obj, Part, State, Value
from evalcheck.source.values import argument


class Modes:
    """Sets modes in a state. ``below`` are the objects first seen as attributes of another."""

    def __init__(self) -> None:
        self.below: dict[Obj, list[Obj]] = {}

    def switch(
        self,
        node: ast.Call,
        name: str,
        owner: frozenset[Obj] | Part,
        given: list[Value],
        named: dict[str, Value],
        state: State,
    ) -> None:
        """``eval()``, ``train()``, ``train(False)``; a flag that is not known may be either."""
        mode: Kind = "eval" if name == "eval" else "train"
        flag = given[0] if given else named.get("mode", Const(True))
        if name == "eval" and (node.args or node.keywords):
            return  # a method of that name with another meaning
        if (
            (name == "train" and (len(given) > 1 or (named and argument(node, 0, "mode") is None)))
            or not isinstance(flag, Const)
            or not isinstance(flag.value, bool)
        ):
            mode = "unknown"
        elif not flag.value:
            mode = "eval"
        if isinstance(owner, Part):
            for obj in owner.of:
                self.forget(obj, state)
            return
        for obj in owner:
            self._set(obj, mode, node, state)
            outer = obj.parent
            while outer is not None:
                if outer in state.modes:
                    state.modes[outer] = state.modes[outer] | {("unknown", None)}
                outer = outer.parent

    def _set(self, obj: Obj, mode: Kind, node: ast.AST | None, state: State) -> None:
        """Set the mode of an object and of what is known to hang on it."""
        waiting = [obj]
        seen: set[Obj] = set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            state.modes[one] = frozenset({(mode, node)})
            waiting += self.below.get(one, [])
            for (owner, _), value in state.attributes.items():
                if owner is one and isinstance(value, frozenset):
                    waiting += value

    def forget(self, obj: Obj, state: State) -> None:
        """Anything may have been done to an object and what hangs on it."""
        self._set(obj, "unknown", None, state)

    def taint(self, values: tuple[Value, ...], state: State) -> None:
        """Somebody unknown was given these."""
        for value in values:
            if isinstance(value, Items):
                self.taint(value.items, state)
            for obj in value if isinstance(value, frozenset) else ():
                self.forget(obj, state)
