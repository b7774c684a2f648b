"""Modules that a model uses but does not own: kept where ``register_module`` never looks."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from evalcheck.graph.kinds import kind_of

Keeper = Literal["list", "tuple", "dict", "set", "closure", "attribute"]

_TABLES = frozenset(("_parameters", "_buffers", "_modules"))
_DEPTH = 4
_WIDTH = 4096


@dataclass(frozen=True, slots=True)
class HiddenModule:
    """A module outside ``model.modules()``.

    ``path`` reads like Python below the owner (``encoder.layers[0]``); ``owner`` is the registered
    module that keeps it, in its attribute ``attribute``, and ``keeper`` how. ``size`` is the number
    of modules kept there together.
    """

    path: str
    module: nn.Module
    owner: str
    attribute: str
    keeper: Keeper
    size: int

    @property
    def stateful(self) -> bool:
        """Whether modes, devices or checkpoints would matter to it: parameters, buffers, dropout, norms."""
        if next(self.module.parameters(), None) is not None or next(self.module.buffers(), None) is not None:
            return True
        return any(kind_of(m) != "other" for m in self.module.modules())

    @property
    def frozen(self) -> bool:
        """Whether it is in eval mode as a whole and learns nothing: hidden on purpose, as teachers are."""
        learns = any(p.requires_grad for p in self.module.parameters())
        return not learns and not any(m.training for m in self.module.modules())


def find(model: nn.Module) -> tuple[HiddenModule, ...]:
    """The hidden modules of a model, each under the first place that keeps it, outermost only."""
    known = {id(m) for m in model.modules()}
    found: list[HiddenModule] = []
    for path, owner in model.named_modules():
        for attribute, value in owner.__dict__.items():
            if attribute in _TABLES or "hooks" in attribute:
                continue
            kept = [k for k in _kept(value, attribute, _keeper(value), _DEPTH) if id(k[1]) not in known]
            for name, module, keeper in kept:
                if id(module) in known:
                    continue
                known.update(id(m) for m in module.modules())
                where = f"{path}.{name}" if path else name
                found.append(HiddenModule(where, module, path, attribute, keeper, len(kept)))
    return tuple(found)


def _keeper(value: Any) -> Keeper:
    if isinstance(value, Mapping):
        return "dict"
    if isinstance(value, (set, frozenset)):
        return "set"
    if isinstance(value, (list, tuple)):
        return "list" if isinstance(value, list) else "tuple"
    return "attribute" if isinstance(value, nn.Module) else "closure"


def _kept(value: Any, name: str, keeper: Keeper, depth: int) -> Iterator[tuple[str, nn.Module, Keeper]]:
    if isinstance(value, nn.Module):
        yield name, value, keeper
    elif depth == 0:
        return
    elif isinstance(value, (list, tuple, set, frozenset)):
        for index, item in enumerate(list(value)[:_WIDTH]):
            yield from _kept(item, f"{name}[{index}]", keeper, depth - 1)
    elif isinstance(value, Mapping):
        for key, item in list(value.items())[:_WIDTH]:
            yield from _kept(item, f"{name}[{key!r}]", keeper, depth - 1)
    elif isinstance(value, functools.partial):
        yield from _kept((value.func, *value.args, value.keywords), name, "closure", depth - 1)
    elif inspect.isfunction(value) and value.__closure__:
        names = value.__code__.co_freevars
        for variable, cell in zip(names, value.__closure__, strict=True):
            if cell_content := _content(cell):
                yield from _kept(cell_content[0], f"{name}.<{variable}>", "closure", depth - 1)


def _content(cell: Any) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # the variable is not bound yet
        return ()
