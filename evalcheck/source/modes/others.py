"""Functions and constructors by their dotted name: of torch, of the project, of others."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects
from evalcheck.source.modes.builders import builds_known_model, built_by, fields_of
from evalcheck.source.modes.dotted import dotted
from evalcheck.source.modes.frames import Call
from evalcheck.source.modes.names_of_models import makes_model
from evalcheck.source.modes.reach import (
    class_method,
    is_modish,
    may_look,
    may_open,
    of_framework,
)
from evalcheck.source.modes.state import (
    LEFT,
    Anonymous,
    Const,
    Each,
    Func,
    Items,
    Kind,
    Obj,
    Part,
    Site,
    Value,
    objects,
)
from evalcheck.source.modes.switching import Modes

if TYPE_CHECKING:
    from evalcheck.source.classes import ClassInfo
    from evalcheck.source.modes.calls import Calls


class Others:
    """Calls of what is not a value here."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.machine, self.expressions = calls.machine, calls.expressions
        self.modes: Modes = calls.modes

    def function(self, call: Call) -> Value:
        """A builtin, a class of the project, a function of torch, of the project, or of others."""
        func, file = call.node.func, call.frame.file
        name = dotted(file.resolve, func)
        if isinstance(func, ast.Name) and name in effects.BUILTINS:
            return self._builtin(call, name)
        here = file.classes.at_top(func)
        if here is not None:
            return self.construct(call, here)
        if effects.EXPORTS.match(name) or effects.FUSIONS.match(name):
            return self._used(call, name)
        if effects.WRAPPERS.search(name):
            return call.given[0] if call.given else next(iter(call.named.values()), None)
        if name in ("copy.deepcopy", "copy.copy") and call.given:
            return self._copied(call, call.given[0])
        built = self._known(call, name)
        if built is not None:
            return built
        if name in ("functools.partial", "torch.nn.Module.eval", "torch.nn.Module.train"):
            self.modes.taint(call.values, call.state)
            return None
        if effects.LOOKING.match(name) or effects.KEEPS.match(name.rpartition(".")[2]):
            return frozenset({self.expressions.symbol(call.key, None)})
        return self._of_project(call, name)

    def _builtin(self, call: Call, name: str) -> Value:
        given = call.given
        if not given:
            return Items(()) if name in ("list", "tuple") else None
        one, state = given[0], call.state
        if name in ("list", "tuple", "iter", "sorted", "reversed", "set", "filter"):
            return (given[1] if len(given) > 1 else None) if name == "filter" else one
        if name == "next":
            return self.expressions.any_item(one, state)
        if name in ("enumerate", "zip"):
            items = [self.expressions.any_item(v, state) for v in given[: 1 if name == "enumerate" else None]]
            known = [v.items for v in given if isinstance(v, Items)]
            if len(known) == len(items) and len({len(k) for k in known}) == 1:
                pairs = [Items((None, *p) if name == "enumerate" else p) for p in zip(*known, strict=True)]
                return Items(tuple(pairs))
            return Each(Items((None, items[0]) if name == "enumerate" else tuple(items)))
        if name in ("getattr", "setattr", "vars"):
            return self._by_name(call, name, one)
        if name == "map" and len(given) > 1 and isinstance(given[0], (Func, Anonymous)):
            self.modes.taint(tuple(given[1:]), state)
        return None

    def _by_name(self, call: Call, name: str, owner: Value) -> Value:
        """``getattr(self, name)``: an attribute, or any of them."""
        key = call.given[1] if len(call.given) > 1 else None
        if name == "vars":
            return Part(objects(owner)) if isinstance(owner, frozenset) else None
        speaks = isinstance(key, Const) and key.value in ("eval", "train", "training")
        if speaks:
            self.modes.taint((owner,), call.state)
        if name == "setattr" or speaks:
            return None
        if isinstance(key, Const):
            return self.expressions.attribute(owner, str(key.value), call.state)
        return Part(objects(owner)) if isinstance(owner, frozenset) else None

    def construct(self, call: Call, kind: ClassInfo) -> Value:
        """An object of a class of the project."""
        site = call.frame.site(call.node)
        if kind.of_framework:
            self.modes.taint(call.values, call.state)
            return frozenset({self.expressions.symbol(call.key, None)})
        if kind.may_be_module:
            return self._born(call, self.expressions.keep(call.key, built_by(kind, site)), "built")
        obj = self.expressions.keep(call.key, Obj(kind))
        init = class_method(kind, "__init__", self.machine)
        if init is not None:
            self.calls.inlining.method(call, init, frozenset({obj}))
        elif fields := fields_of(kind):
            self._filled(call, obj, fields)
        elif kind.outer_bases:
            self.modes.taint(call.values, call.state)
        return frozenset({obj})

    def _filled(self, call: Call, obj: Obj, fields: dict[str, ast.expr | None]) -> None:
        """A dataclass keeps what it is given and, where it is not given, its literal defaults."""
        given = dict(zip(fields, call.given, strict=False)) | call.named
        for name, default in fields.items():
            known = isinstance(default, ast.Constant) and "**" not in call.named
            value = given.get(name, Const(default.value) if known else None)  # type: ignore[union-attr]
            call.state.attributes[obj, name] = value
            self.modes.put(obj, name, value)
        post = class_method(obj.kind, "__post_init__", self.machine) if obj.kind else None
        if post is not None:
            bare = call._replace(given=[], named={})
            self.calls.inlining.method(bare, post, frozenset({obj}))

    def _born(self, call: Call, obj: Obj, mode: Kind) -> Value:
        """A new object: in a loop it is another one each time."""
        site = call.frame.site(call.node)
        call.state.modes[obj] = frozenset({(mode, site)})
        self.modes.paths[site] = call.frame.calls
        for loop in self.machine.loops:
            loop.restored.add(obj)
        return frozenset({obj})

    def _known(self, call: Call, name: str) -> Value:
        """A model that a library is known to build, or that is read whole from a file."""
        site = call.frame.site(call.node)
        tail = name.rpartition(".")[2]
        if tail == "from_pretrained":
            return self._born(call, self.expressions.keep(call.key, Obj(name=tail, built=site)), "loaded")
        if name == "torch.load":
            return self._born(call, self.expressions.keep(call.key, Obj(built=site)), "pickled")
        verdict = builds_known_model(call.frame.file, call.node, name)
        if verdict is None:
            return None
        obj = Obj(built=site, ask_mode=verdict)
        return self._born(call, self.expressions.keep(call.key, obj), "built")

    def _copied(self, call: Call, value: Value) -> Value:
        """A copy has other weights, and is in the mode of what it is a copy of."""
        found = set()
        for place, one in enumerate(sorted(objects(value), key=id) if isinstance(value, frozenset) else ()):
            site = call.frame.site(call.node)
            obj = self.expressions.keep((call.key, place), Obj(one.told_kind, built=site, copied=one))
            modes = call.state.mode(one)
            told: set[tuple[Kind, Site | None]] = {
                (("built", site) if kind == "train" else (kind, where)) for kind, where in modes
            }
            call.state.modes[obj] = frozenset(told)
            for loop in self.machine.loops:
                loop.restored.add(obj)
            found.add(obj)
        return frozenset(found) if found else None

    def _used(self, call: Call, name: str) -> Value:
        """An export or a fusion of a model: it is noted with the mode that the model is in."""
        value = call.given[0] if call.given else call.named.get("model", call.named.get("mod"))
        held = objects(value) if isinstance(value, (frozenset, Part)) else frozenset()
        held = frozenset(self._told(call, obj) for obj in held)
        self.calls.note(call, held, "export" if effects.EXPORTS.match(name) else "fusion")
        return frozenset({self.expressions.symbol(call.key, None)})

    @staticmethod
    def _told(call: Call, obj: Obj) -> Obj:
        """The object, or the one that it belongs to and that a mode was set of."""
        one: Obj | None = obj
        while one is not None and one not in call.state.modes:
            one = one.parent
        return one or obj

    def _of_project(self, call: Call, name: str) -> Value:
        """A function or class of another file, if the mode of a model may depend on it."""
        func, file, state = call.node.func, call.frame.file, call.state
        tail = name.rpartition(".")[2]
        matters = any(is_modish(v, state) for v in call.values)
        if may_look(self.machine) and not of_framework(name, self.machine):
            if matters or makes_model(tail):
                info = self._there(call)
                if info is not None:
                    return self.calls.inlining.function(call, Func(info))
                kind = file.classes.named(func)
                if kind is not None:
                    self.machine.followed.add(kind.file)
                    return self.construct(call, kind)
            elif tail[:1].isupper() and isinstance(func, (ast.Name, ast.Attribute)) and name != "?":
                site = call.frame.site(call.node)
                obj = Obj(built=site, ask_kind=lambda: file.classes.named(func))
                return self._born(call, self.expressions.keep(call.key, obj), "built")
        self.modes.taint(call.values, state)
        found = self.expressions.symbol(call.key, None, tail)
        state.modes.setdefault(found, LEFT)
        return frozenset({found})

    def _there(self, call: Call) -> FunctionInfo | None:
        info = call.frame.file.callee(call.node)
        return info if info is not None and may_open(info, self.machine) else None
