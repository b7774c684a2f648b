"""Lists, tuples and dictionaries on paper: what is in them, what any of their items is."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from evalcheck.source.modes.frames import Frame
from evalcheck.source.modes.state import Const, Each, Items, Part, State, Table, Value, element, meet, objects
from evalcheck.source.values import within

if TYPE_CHECKING:
    from evalcheck.source.modes.machine import Machine

LONGEST = 8  # items that are told from each other
ANY = "[*]"


class Collections:
    """The part of ``Expressions`` that knows collections."""

    machine: Machine

    def evaluate(self, node: ast.expr, state: State, frame: Frame) -> Value:
        raise NotImplementedError

    def attribute(self, owner: Value, name: str, state: State) -> Value:
        raise NotImplementedError

    def sequence(self, node: ast.Tuple | ast.List | ast.Set, state: State, frame: Frame) -> Value:
        """``[a, b, *c]``."""
        items: list[Value] = []
        open_end = False
        for item in node.elts:
            value = self.evaluate(item, state, frame)
            if isinstance(item, ast.Starred):
                open_end = open_end or not isinstance(value, Items)
                items += value.items if isinstance(value, Items) else [self.any_item(value, state)]
            else:
                items.append(value)
        return self.collected(items) if open_end or len(items) > LONGEST else Items(tuple(items))

    def collected(self, items: list[Value]) -> Value:
        """Any number of items, each like one of some."""
        return Each(element(Items(tuple(items))))

    def table(self, node: ast.Dict, state: State, frame: Frame) -> Value:
        """``{"a": b}``."""
        items: list[tuple[object, Value]] = []
        for key, item in zip(node.keys, node.values, strict=True):
            name = self.evaluate(key, state, frame) if key is not None else None
            value = self.evaluate(item, state, frame)
            if not isinstance(name, Const):
                items = [*items, (None, value)]
            else:
                items.append((name.value, value))
        known = all(name is not None for name, _ in items)
        return Table(tuple(items)) if known else Each(element(Items(tuple(v for _, v in items))))

    def subscript(self, node: ast.Subscript, state: State, frame: Frame) -> Value:
        """``a[b]``."""
        owner = self.evaluate(node.value, state, frame)
        key = self.evaluate(node.slice, state, frame)
        if isinstance(node.slice, ast.Slice):
            return Each(element(owner)) if isinstance(owner, Items) else owner
        if isinstance(key, Const):
            return self.item(owner, key.value, state)
        found = objects(owner) if not isinstance(owner, frozenset) else owner
        return Part(found) if found else None

    def item(self, owner: Value, key: object, state: State) -> Value:
        """``owner[key]`` with a literal key."""
        if isinstance(owner, Items):
            if isinstance(key, int) and -len(owner.items) <= key < len(owner.items):
                return owner.items[key]
            return None
        if isinstance(owner, Table):
            return next((value for name, value in owner.items if name == key), None)
        if isinstance(owner, frozenset):
            return self.attribute(owner, f"[{key!r}]", state)
        if isinstance(owner, Each):
            return Part(objects(owner)) if objects(owner) else None
        return owner if isinstance(owner, Part) else None

    def any_item(self, owner: Value, state: State) -> Value:
        """What a loop over a collection goes through."""
        if isinstance(owner, frozenset):
            return self.attribute(owner, ANY, state)
        if isinstance(owner, Table):
            return None
        return owner if isinstance(owner, Part) else element(owner)

    @staticmethod
    def listed(value: Value) -> list[Value] | None:
        """The items of a collection, where all of them are known and worth to be told apart."""
        if isinstance(value, Table):
            return [Const(name) for name, _ in value.items]
        if isinstance(value, Items):
            return list(value.items)
        return None

    def put_item(
        self, place: ast.expr, owner: Value, key: Value, value: Value, state: State, frame: Frame
    ) -> None:
        """``owner[key] = value``."""
        if isinstance(owner, frozenset) and isinstance(key, Const):
            for obj in owner:
                state.attributes[obj, f"[{key.value!r}]"] = value
                self.machine.expressions.modes.put(obj, f"[{key.value!r}]", value)
        elif isinstance(owner, Table) and isinstance(key, Const):
            rest = tuple((k, v) for k, v in owner.items if k != key.value)
            self.replace(place, Table((*rest, (key.value, value))), state, frame)
        elif isinstance(owner, (Table, Items, Each)):
            held = objects(owner) | objects(value)
            self.replace(place, Part(held) if held else None, state, frame)

    def replace(self, place: ast.expr, value: Value, state: State, frame: Frame) -> None:
        """Give the variable that a collection is kept in another value."""
        if isinstance(place, (ast.Name, ast.Attribute)):
            self.machine.assign(place, value, state, frame)

    def added(self, one: Value, two: Value) -> Value:
        """``one += two``."""
        if isinstance(one, Items) and isinstance(two, Items) and len(one.items + two.items) <= LONGEST:
            return Items(one.items + two.items)
        held = objects(one) | objects(two) if isinstance(one, (Items, Each)) else None
        return Part(held) if held else None

    def method_of(
        self, name: str, owner: Value, place: ast.expr, given: list[Value], state: State, frame: Frame
    ) -> Value:
        """``items.append(x)``, ``table.values()``."""
        if name in ("append", "add") and len(given) == 1 and isinstance(owner, (Items, Each)):
            grown: Value = Each(meet(element(owner), given[0]) if element(owner) is not None else given[0])
            if isinstance(owner, Items) and len(owner.items) < LONGEST and not self.machine.loops:
                grown = Items((*owner.items, given[0]))
            self.replace(place, grown, state, frame)
            return None
        if isinstance(owner, Table):
            if name == "values":
                return Items(tuple(value for _, value in owner.items))
            if name == "items":
                return Items(tuple(Items((Const(k), v)) for k, v in owner.items))
            if name == "get" and given and isinstance(given[0], Const):
                return self.item(owner, given[0].value, state)
        if name == "items" and isinstance(owner, Each):
            return Each(Items((None, owner.item)))
        return owner if name in ("values", "copy") else None

    def comprehension(
        self,
        node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp,
        state: State,
        frame: Frame,
    ) -> Value:
        """``[f(x) for x in xs]``: item by item where the items are known."""
        items: list[Value] = []
        open_end = False

        def below(depth: int) -> None:
            nonlocal open_end
            if depth == len(node.generators):
                if isinstance(node, ast.DictComp):
                    self.evaluate(node.key, state, frame)
                    items.append(self.evaluate(node.value, state, frame))
                else:
                    items.append(self.evaluate(node.elt, state, frame))
                return
            part = node.generators[depth]
            source = self.evaluate(part.iter, state, frame)
            each = self.listed(source)
            if each is None or not 0 < len(each) <= LONGEST or part.ifs:
                each, open_end = [self.any_item(source, state)], True
            for item in each:
                self._bind_inside(part.target, item, state, frame)
                for test in part.ifs:
                    self.evaluate(test, state, frame)
                below(depth + 1)

        names = dict(state.names)
        below(0)
        own = {n.id for part in node.generators for n in within(part.target) if isinstance(n, ast.Name)}
        kept = {name: value for name, value in state.names.items() if name not in own}
        state.names = kept | {name: names[name] for name in own if name in names}
        if isinstance(node, ast.DictComp) or open_end:
            return self.collected(items)
        return Items(tuple(items[:LONGEST])) if len(items) <= LONGEST else self.collected(items)

    def _bind_inside(self, target: ast.expr, value: Value, state: State, frame: Frame) -> None:
        """A comprehension's own names; at the top of a file too they are nobody else's."""
        if isinstance(target, ast.Name):
            state.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for place, item in enumerate(target.elts):
                self._bind_inside(item, self.item(value, place, state), state, frame)
