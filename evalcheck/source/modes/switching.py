"""Changes of mode: by a call that says so, or by somebody whose doings are not known."""

from __future__ import annotations

from evalcheck.source.modes.frames import Frame, Runner
from evalcheck.source.modes.state import (
    UNKNOWN,
    Const,
    Kind,
    Mode,
    Obj,
    Part,
    Site,
    State,
    Value,
    Was,
    objects,
)


class Modes:
    """Sets modes in a state. ``below`` are the objects first seen as attributes of another."""

    def __init__(self, machine: Runner) -> None:
        self.machine = machine
        self.below: dict[Obj, list[Obj]] = {}
        self.put_on: dict[Obj, set[str]] = {}
        self.paths: dict[Site, tuple[Site, ...]] = {}  # the calls that led to where a mode was set
        self.holding: set[Obj] = set()  # objects that such ones, or collections and objects, hang on
        self.told: set[Obj] = set()  # objects that a mode was set of by name

    def switch(
        self,
        site: Site,
        name: str,
        owner: frozenset[Obj] | Part,
        given: list[Value],
        named: dict[str, Value],
        state: State,
        frame: Frame,
    ) -> None:
        """``eval()``, ``train()``, ``train(False)``, ``train(was)``; a flag not known may be either."""
        if name == "eval" and (given or named):
            return  # a method of that name with another meaning
        flag = given[0] if given else named.get("mode", Const(True) if not named else None)
        if isinstance(owner, Part) or len(given) > 1:
            for obj in objects(owner):
                self.forget(obj, state)
            return
        for obj in owner:
            if isinstance(flag, Was) and not flag.negated and flag.obj is obj:
                self._set(obj, flag.modes, state)
                self._restore(obj)
                continue
            kind: Kind = "eval" if name == "eval" else "train"
            if name == "train":
                known = isinstance(flag, Const) and isinstance(flag.value, (bool, int))
                kind = "unknown" if not known else "train" if flag.value else "eval"  # type: ignore[union-attr]
            self.set(obj, kind, site, state, frame)

    def set(self, obj: Obj, kind: Kind, site: Site, state: State, frame: Frame) -> None:
        """Put an object in a mode, and say so to the loops that run."""
        self._set(obj, frozenset({(kind, site if kind != "unknown" else None)}), state)
        self.told.add(obj)
        self.paths[site] = frame.calls
        for loop in self.machine.loops if kind == "train" else ():
            loop.trained.add(obj)
        if kind == "eval":
            for loop in self.machine.loops:
                loop.evals.setdefault(obj, {}).setdefault(site, frame.calls)
        else:
            self._restore(obj)
        outer = obj.parent
        while outer is not None:
            self.holding.add(outer)
            if outer in state.modes:
                state.modes[outer] = state.modes[outer] | UNKNOWN
            outer = outer.parent

    def _restore(self, obj: Obj) -> None:
        for loop in self.machine.loops:
            loop.restored.add(obj)
            loop.restored.update(self.below.get(obj, ()))

    def _set(self, obj: Obj, modes: frozenset[Mode], state: State) -> None:
        """Set the mode of an object and of what is known to hang on it."""
        waiting = [obj]
        seen: set[Obj] = set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            state.modes[one] = modes
            waiting += self.below.get(one, ())
            for name in self.put_on.get(one, ()):
                waiting += objects(state.attributes.get((one, name)))
        if modes == UNKNOWN:
            for loop in self.machine.loops:
                loop.restored |= seen

    def forget(self, obj: Obj, state: State) -> None:
        """Anything may have been done to an object and what hangs on it."""
        if self._matters(obj, state):
            self._set(obj, UNKNOWN, state)
        else:
            self._restore(obj)

    def _matters(self, obj: Obj, state: State) -> bool:
        """Whether a mode of an object may be known: most are data, of which nothing needs to be kept."""
        one: Obj | None = obj
        while one is not None:
            if one in state.modes or one.told_kind is not None or one.built is not None:
                return True
            one = one.parent
        return obj in self.holding

    def put(self, obj: Obj, name: str, value: Value) -> None:
        """Something is kept in an attribute or under a key of an object."""
        self.put_on.setdefault(obj, set()).add(name)
        if value is not None and not isinstance(value, Const):
            one: Obj | None = obj
            while one is not None:
                self.holding.add(one)
                one = one.parent

    def taint(self, values: tuple[Value, ...], state: State) -> None:
        """Somebody unknown was given these."""
        for value in values:
            if isinstance(value, Part):
                continue  # a parameter, a submodule: its owner is out of reach
            for obj in objects(value):
                self.forget(obj, state)
