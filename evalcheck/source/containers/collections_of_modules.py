"""Plain lists, tuples and dicts of modules that a module keeps on itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import calls_below
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.layers import keeps_something
from evalcheck.source.values import assigned, identifiers, is_self, nested, stores_on_self, within
from evalcheck.source.words import each

# Calls that look at a collection and keep nothing of it.
_HARMLESS = each("len enumerate zip range print list tuple reversed isinstance sum iter str sorted")
_ADDING = each("append extend insert add appendleft")
_REGISTERING = each(
    "add_module register_module setattr __setattr__ register_parameter _modules ParameterList"
)
# Methods by which a class sees to its unregistered modules itself.
_BY_HAND = each(
    "__setattr__ _apply to cuda parameters named_parameters train eval state_dict modules children "
    "named_modules named_children"
)
_FILLS = (ast.GeneratorExp, ast.ListComp, ast.List)  # what a call of list, tuple or dict is filled from
_MEANT = re.compile(r"regist|hidden|hide|on purpose|intention|deliberate|state_dict|not (?:be )?train", re.I)


@dataclass(frozen=True)
class Kept:
    """A collection on ``self``: where it is kept, what it is given, and an element that is built there."""

    store: ast.Attribute
    value: ast.expr
    element: ast.Call
    function: FunctionInfo


def kept_out_of_sight(file: SourceFile) -> Iterator[Kept]:
    """Collections of modules that torch does not see, one for each attribute of each class."""
    if not file.mentions("nn"):
        return
    for owner in file.classes:
        if not owner.is_module or owner.of_framework or any(owner.method(m) for m in _BY_HAND):
            continue
        init = owner.methods.get("__init__")
        if init is not None and not _registers(file, owner):
            yield from _in_init(file, owner, file.functions.by_node[init])


def _registers(file: SourceFile, owner: ClassInfo) -> bool:
    """Whether any method registers modules by a call; which ones is not followed."""
    for one in owner.lineage():
        for method in one.methods.values():
            for scope in (method, *nested(file, method)):
                for call in file.calls_in(scope):
                    tail = getattr(call.func, "attr", getattr(call.func, "id", ""))
                    if tail in _REGISTERING:
                        return True
                if any(a.attr in ("_modules", "__dict__") for a in file.index.attributes.get(scope, ())):
                    return True
    return False


def _in_init(file: SourceFile, owner: ClassInfo, info: FunctionInfo) -> Iterator[Kept]:
    stores: dict[str, list[tuple[ast.Attribute, ast.expr]]] = {}
    for store, value in stores_on_self(file, info.node):
        stores.setdefault(store.attr, []).append((store, value))
    for attribute, given in stores.items():
        store, value = given[0]
        if not all(_is_collection(file, v) for _, v in given) or _meant(file, store):
            continue
        elements = [e for _, v in given for e in _elements(file, v)]
        added = list(_added_to(file, info, attribute))
        if len(elements) == 1 and not added and _literal_size(value) == 1:
            continue  # the idiom that hides a module on purpose
        built = [e for e in (*elements, *added) if isinstance(e, ast.Call) and keeps_something(file, e)]
        if built and not _used_to_register(file, owner, attribute, value):
            yield Kept(store, value, built[0], info)


def _is_collection(file: SourceFile, value: ast.expr) -> bool:
    if isinstance(value, (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)):
        return True
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        return isinstance(value.left, (ast.List, ast.Tuple))
    if isinstance(value, ast.Name):
        given = assigned(file, value)
        return (
            bool(given)
            and file.names.is_local(value)
            and all(not isinstance(v, ast.Name) and _is_collection(file, v) for v in given)
        )
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in ("list", "tuple", "dict")
        and (not value.args or isinstance(value.args[0], _FILLS) or _mapped(value.args[0]) is not None)
    )


def _elements(file: SourceFile, value: ast.expr, steps: int = 4) -> Iterator[ast.expr]:
    """What a collection is built of, nested ones opened and local names followed a few steps."""
    inside: list[ast.expr] = []
    if isinstance(value, (ast.List, ast.Tuple)):
        inside = value.elts
    elif isinstance(value, ast.Dict):
        inside = value.values
    elif isinstance(value, (ast.ListComp, ast.GeneratorExp)):
        inside = [value.elt]
    elif isinstance(value, ast.DictComp):
        inside = [value.value]
    elif isinstance(value, ast.IfExp):
        inside = [value.body, value.orelse]
    elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Mult):
        inside = [value.left]
    elif (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in ("list", "tuple", "dict")
    ):
        inside = [*value.args, *(k.value for k in value.keywords)]
    elif (built := _mapped(value)) is not None:
        yield built
    elif isinstance(value, ast.Name):
        inside = list(_of_name(file, value))
    else:
        yield value
    for item in inside if steps else ():
        yield from _elements(file, item, steps - 1)


def _mapped(value: ast.expr) -> ast.Call | None:
    """``map(nn.Linear, sizes, sizes)`` as the call that builds each element."""
    if not isinstance(value, ast.Call) or getattr(value.func, "id", "") != "map" or len(value.args) < 2:
        return None
    return ast.copy_location(ast.Call(func=value.args[0], args=[], keywords=[]), value)


def _of_name(file: SourceFile, name: ast.Name) -> Iterator[ast.expr]:
    """A local collection with what is added to it, or a local module that is kept nowhere else."""
    for given in assigned(file, name):
        if isinstance(given, (ast.List, ast.Tuple, ast.Dict, ast.ListComp, ast.DictComp)):
            yield given
            scope = file.names.binder(name)
            for call in file.calls_in(scope) if scope else ():
                func = call.func
                if isinstance(func, ast.Attribute) and func.attr in _ADDING and _is_name(func.value, name.id):
                    yield from (item for item in call.args if not _is_name(item, name.id))
        elif isinstance(given, ast.Call) and not _kept_elsewhere(file, name):
            yield given


def _kept_elsewhere(file: SourceFile, name: ast.Name) -> bool:
    """Whether a local module is also put on an object, or handed to a call that may keep it."""
    scope = file.names.binder(name)
    for load in file.index.loads[scope].get(name.id, ()) if scope else ():
        parent = file.parent(load)
        if isinstance(parent, ast.Assign) and any(isinstance(t, ast.Attribute) for t in parent.targets):
            return True
        if (
            isinstance(parent, ast.Call)
            and load in parent.args
            and getattr(parent.func, "attr", "") not in _ADDING
        ):
            return True
    return False


def _added_to(file: SourceFile, info: FunctionInfo, attribute: str) -> Iterator[ast.expr]:
    """What ``__init__`` puts into ``self.attribute`` by append, by key or by ``+=``."""
    for call in calls_below(file, info.node):
        func = call.func
        if (
            isinstance(func, ast.Attribute)
            and func.attr in _ADDING
            and _is_attribute(func.value, info, attribute)
        ):
            for item in call.args:
                yield from _elements(file, item)
    for node in file.index.attributes.get(info.node, ()):
        if node.attr != attribute or not _is_attribute(node, info, attribute):
            continue
        parent = file.parent(node)
        outer = file.parent(parent) if parent is not None else None
        if isinstance(parent, ast.AugAssign) and parent.target is node:
            yield from _elements(file, parent.value)
        elif isinstance(parent, ast.Subscript) and isinstance(outer, ast.Assign) and parent in outer.targets:
            yield from _elements(file, outer.value)


def _used_to_register(file: SourceFile, owner: ClassInfo, attribute: str, value: ast.expr) -> bool:
    """Whether the collection is handed to any call that could keep its modules, or deleted."""
    for one in owner.lineage():
        for method in one.methods.values():
            info = file.functions.by_node[method]
            for scope in nested(file, method):
                for node in file.index.attributes.get(scope, ()):
                    if _is_attribute(node, info, attribute) and _handed_on(file, node):
                        return True
    if isinstance(value, ast.Name):
        binder = file.names.binder(value)
        loads = file.index.loads[binder].get(value.id, ()) if binder else ()
        return any(_handed_on(file, load) for load in loads if load is not value)
    return False


def _handed_on(file: SourceFile, node: ast.expr) -> bool:
    """Whether a use of the collection gives it away: to a call, another attribute, ``return`` or ``del``."""
    if isinstance(node.ctx, ast.Del):  # type: ignore[attr-defined]
        return True
    child: ast.AST = node
    for parent in file.ancestors(node):
        if isinstance(parent, ast.Call) and child is not parent.func:
            tail = getattr(parent.func, "id", getattr(parent.func, "attr", ""))
            if tail not in _HARMLESS:
                return True
        elif isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and child is parent.func):
            return False  # a method of it, or a call of one of its elements
        elif isinstance(parent, ast.Assign):
            return (
                child is parent.value
                and node is child
                and any(isinstance(t, ast.Attribute) for t in parent.targets)
            )
        elif isinstance(parent, ast.For) and child is parent.iter:
            return _carried_on(file, parent)
        elif isinstance(parent, ast.stmt):
            return isinstance(parent, ast.Return) and child is node
        child = parent
    return False


def _carried_on(file: SourceFile, loop: ast.For) -> bool:
    """Whether a loop puts the elements, as they are or in other modules, into another collection.

    What an element gives when it is called is not the element.
    """
    elements = set(identifiers(loop.target))
    return any(
        isinstance(node, ast.Name) and node.id in elements and not _used_up(file, node)
        for statement in loop.body
        for call in within(statement)
        if isinstance(call, ast.Call) and getattr(call.func, "attr", "") in _ADDING
        for item in call.args
        for node in within(item)
    )


def _used_up(file: SourceFile, name: ast.Name) -> bool:
    parent = file.parent(name)
    return isinstance(parent, ast.Attribute) or (isinstance(parent, ast.Call) and parent.func is name)


def _literal_size(value: ast.expr) -> int:
    return len(value.elts) if isinstance(value, (ast.List, ast.Tuple)) else 0


def _is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _is_attribute(node: ast.AST, info: FunctionInfo, attribute: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == attribute and is_self(node.value, info.receiver)


def _meant(file: SourceFile, store: ast.Attribute) -> bool:
    line = store.lineno
    said = [file.line(n) for n in (line - 2, line - 1)]
    comments = [text for text in said if text.lstrip().startswith("#")]
    return any(_MEANT.search(text) for text in (*comments, file.line(line).partition("#")[2]))
