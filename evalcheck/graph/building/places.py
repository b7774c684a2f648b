"""Where a module was built: the call that was seen to make it, or the expression in its parent's class.

The expression is read from the source that Python itself knows of (``linecache``), never imported or run
again. What cannot be told for certain is None: a wrong line is worse than none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import nn

from evalcheck.finding import Span
from evalcheck.graph.building import construction, methods
from evalcheck.graph.building.elements import Element, assigned, elements
from evalcheck.graph.building.methods import Method
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.recording.callers import located

_UP = re.compile(r"super\(.*\)\.__init__|nn\.Sequential\.__init__")
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True, slots=True)
class _Site:
    """An expression, the method around it, and the class that this method is of."""

    expression: ast.expr
    method: Method
    owner: type


def built(modules: Mapping[str, ModuleView], path: str) -> Span | None:
    """The span of the expression that built the module of that path."""
    seen = construction.site(modules[path].module) if path in modules else None
    if seen is not None:
        return seen
    site = _site(modules, path)
    return _span(site) if site is not None else None


def kept(owner: nn.Module, attribute: str) -> Span | None:
    """The span of what is assigned to a plain attribute of a module, such as a list of layers."""
    sites = _assignments(type(owner), attribute)
    return _span(sites[-1]) if sites else None


def _site(modules: Mapping[str, ModuleView], path: str) -> _Site | None:
    parent_path, _, name = path.rpartition(".")
    if not path or path not in modules or parent_path not in modules:
        return None
    parent = modules[parent_path].module
    made = modules[path].class_name
    if type(parent) in _CONTAINERS:
        container = _site(modules, parent_path)
        if container is None:
            return None
        position = list(parent._modules).index(name)
        return _inside(container, parent_path.rpartition(".")[2], name, position, len(parent._modules), made)
    sites = _assignments(type(parent), name)
    if not sites and isinstance(parent, nn.Sequential):
        sites = _handed_up(type(parent), name, len(parent), made)
    fitting = [s for s in sites if _callee(s.expression) == made]
    # ``self.head = None`` builds nothing: the other branch does.
    chosen = fitting or [s for s in sites if not isinstance(s.expression, ast.Constant)]
    return chosen[-1] if chosen else None


def _assignments(owner: type, name: str) -> list[_Site]:
    """Everything assigned to ``self.name`` in the nearest class that assigns to it."""
    sites: list[_Site] = []
    for method in methods.of(owner):
        found = [_Site(value, method, owner) for value in assigned(method.tree, f"self.{name}")]
        if found and sites and method.name == "__init__":
            return sites  # a base class, overridden by what was found already
        sites += found
    return sites


def _handed_up(owner: type, name: str, count: int, made: str) -> list[_Site]:
    """The element that a subclass of ``Sequential`` hands to ``super().__init__``."""
    for method in methods.of(owner):
        for call in ast.walk(method.tree):
            if isinstance(call, ast.Call) and _UP.fullmatch(ast.unparse(call.func)) and name.isdigit():
                found = list(elements(call, method.tree))
                choice = _choose(found, name, int(name), count, made)
                return [_Site(choice, method, owner)] if choice is not None else []
    return []


def _inside(site: _Site, container: str, name: str, position: int, count: int, made: str) -> _Site | None:
    """Follow a container's expression to the one that built its element ``name``."""
    for _ in range(4):
        step = _helper(site)
        if step is None:
            break
        site = step
    found = list(elements(site.expression, site.method.tree))
    if not found:
        # Built empty; filled by self.container.append(...) and the like, in any method.
        for method in methods.of(site.owner):
            found = list(_filled(method, container))
            if found:
                site = _Site(site.expression, method, site.owner)
                break
    choice = _choose(found, name, position, count, made)
    return _Site(choice, site.method, site.owner) if choice is not None else None


def _filled(method: Method, container: str) -> Iterator[Element]:
    if not container.isidentifier():
        return  # a container in a container has a number for a name, and no attribute
    variable = ast.parse(f"self.{container}", mode="eval").body
    yield from elements(variable, method.tree)


def _helper(site: _Site) -> _Site | None:
    """``self._make_layer(...)``: what that method returns."""
    call = site.expression
    if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
        return None
    if ast.unparse(call.func.value) not in ("self", "cls"):
        return None
    for method in methods.of(site.owner):
        if method.name == call.func.attr:
            returned = [n.value for n in ast.walk(method.tree) if isinstance(n, ast.Return) and n.value]
            return _Site(returned[-1], method, site.owner) if returned else None
    return None


def _choose(found: list[Element], name: str, position: int, count: int, made: str) -> ast.expr | None:
    named = [e.value for e in found if e.key == name]
    if named:
        return named[-1]
    if len(found) == count and not any(e.repeated for e in found):
        return found[position].value
    looped = next((i for i, e in enumerate(found) if e.repeated), len(found))
    if position < looped < len(found):
        return found[position].value
    if looped == len(found) - 1:
        return found[looped].value
    fitting = [e.value for e in found if _callee(e.value) == made]
    return fitting[0] if len(fitting) == 1 else None


def _callee(expression: ast.expr) -> str:
    """The last name of what is called: ``Conv2d`` of ``torch.nn.Conv2d(3, 8, 3)``."""
    if not isinstance(expression, ast.Call):
        return ""
    function = expression.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _span(site: _Site) -> Span:
    node = site.expression
    return located(
        site.method.filename,
        node.lineno,
        node.end_lineno or node.lineno,
        node.col_offset,
        node.end_col_offset or node.col_offset,
    )
