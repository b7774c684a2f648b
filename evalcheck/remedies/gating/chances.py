"""Masks that are drawn by hand: what becomes of a uniform number, followed to the chance of each entry.

``torch.rand(n) < p`` is a mask of which each entry is set with chance p, ``(keep + torch.rand(n)).floor()``
one that is set with chance ``keep``. Where such a mask is multiplied, or chooses between two values, its
chance is what eval mode would use; where it must be yes or no (a branch, an index), the likelier one is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from evalcheck.remedies.gating.arguments import Args, Kwargs, given
from evalcheck.remedies.gating.roles import Chance, Role, Uniform, blended

BELOW, ABOVE = {"lt", "le", "less", "less_equal"}, {"gt", "ge", "greater", "greater_equal"}
AFFINE = {
    *("add", "sub", "mul", "div", "true_divide", "add_", "sub_", "mul_", "div_"),
    *("__radd__", "__rsub__", "__rmul__"),
}
FLOOR, FILL = {"floor", "floor_"}, {"masked_fill", "masked_fill_"}
NOT = {"__invert__", "logical_not", "bitwise_not"}
SHAPED = {
    *("view", "reshape", "expand", "expand_as", "view_as", "unsqueeze", "squeeze", "permute", "transpose"),
    *("flatten", "repeat", "clone", "contiguous", "detach", "cpu", "cuda", "__getitem__"),
}
TYPED = {"to", "type", "type_as", "float", "double", "half", "bfloat16"}
# What asks for one of two: a mean of them is no answer.
DECIDING = {
    *("__bool__", "item", "tolist", "__int__", "__index__", "int", "long", "nonzero", "numpy", "any", "all"),
    *("__eq__", "eq", "__ne__", "ne", *BELOW, *ABOVE),
}


class Chances:
    """The tensors of one forward that stand for uniform numbers and for masks."""

    def __init__(self) -> None:
        self._roles: Any = WeakTensorKeyDictionary()

    def keep(self, tensor: Tensor, role: Role) -> Tensor:
        """Note what a tensor stands for."""
        self._roles[tensor] = role
        return tensor

    def concern(self, args: Args, kwargs: Kwargs) -> bool:
        """Whether a call is given one of them."""
        return len(self._roles) > 0 and any(self._role(value) is not None for value in _flat(args, kwargs))

    def answer(self, func: Any, name: str, args: Args, kwargs: Kwargs) -> Any:
        """What the call gives."""
        first = self._role(args[0]) if args else None
        second = self._role(args[1]) if len(args) > 1 else None
        found = None
        if name in BELOW | ABOVE and isinstance(first or second, Uniform):
            found = self._compared(func, name, args, kwargs)
        elif isinstance(first, Uniform):
            found = self._of_uniform(func, name, args, kwargs, first)
        elif isinstance(first, Chance):
            found = self._of_chance(func, name, args, kwargs, first)
        elif isinstance(second, Chance) and name in FILL:
            found = self._filled(name, args, kwargs)
        return self._plain(func, name, args, kwargs) if found is None else found

    def _compared(self, func: Any, name: str, args: Args, kwargs: Kwargs) -> Tensor | None:
        left, right = given(args, kwargs, 0, "input"), given(args, kwargs, 1, "other")
        role, other = self._role(left), self._role(right)
        if role is not None and other is not None:
            return None
        uniform, limit = (left, right) if isinstance(role, Uniform) else (right, left)
        chance = self._roles[uniform].below(limit)
        if (name in BELOW) != (uniform is left):
            chance = 1 - chance
        mask = torch.zeros_like(func(*args, **kwargs), dtype=uniform.dtype)
        return self.keep(mask + chance, Chance(boolean=True))

    def _of_uniform(self, func: Any, name: str, args: Args, kwargs: Kwargs, role: Uniform) -> Any:
        if name in FLOOR and math.isclose(role.width, 1.0):
            # Of numbers spread over a width of one, the mean of what is below them is the lower end.
            out = func(*args, **kwargs).fill_(role.least)
            return self.keep(out, Chance(boolean=False)) if 0 <= role.least <= 1 else self._forget(out)
        if name in AFFINE and len(args) == 2 and not kwargs and isinstance(args[1], (int, float)):
            return self.keep(func(*args), role.moved(name, args[1]))
        if name in SHAPED | TYPED:
            out = func(*args, **kwargs)
            return self.keep(out, role) if out.is_floating_point() else out
        return None

    def _of_chance(self, func: Any, name: str, args: Args, kwargs: Kwargs, role: Chance) -> Any:
        types = [value for value in (*args[1:], *kwargs.values()) if isinstance(value, (torch.dtype, Tensor))]
        if name in NOT:
            return self.keep(1 - args[0], role)
        if name == "bool" or (name in TYPED and any(value is torch.bool for value in types)):
            return self.keep(args[0].clone(), Chance(boolean=True))
        if name in SHAPED or (name == "to" and not types):
            return self.keep(func(*args, **kwargs), role)
        if name in TYPED and (out := func(*args, **kwargs)).is_floating_point():
            return self.keep(out, Chance(boolean=False))
        if name == "where" and len(args) == 3:
            return blended(*args)
        return None

    def _filled(self, name: str, args: Args, kwargs: Kwargs) -> Tensor | None:
        found = blended(args[1], given(args, kwargs, 2, "value"), args[0])
        return args[0].copy_(found) if found is not None and name == "masked_fill_" else found

    def _plain(self, func: Any, name: str, args: Args, kwargs: Kwargs) -> Any:
        """Numbers in arithmetic; the likelier of yes and no where it must be one."""
        if name in AFFINE:
            kind = next((v.dtype for v in args if isinstance(v, Tensor) and self._role(v) is None), None)
            out = func(*(self._number(value, kind) for value in args), **kwargs)
        else:
            certain = name in DECIDING
            args = tuple(self._decided(value, certain) for value in args)
            out = func(*args, **{key: self._decided(value, certain) for key, value in kwargs.items()})
        # An uneven step: what was kept of it holds no longer.
        return self._forget(out) if isinstance(self._role(out), Uniform) else out

    def _number(self, value: Any, kind: torch.dtype | None) -> Any:
        role = self._role(value)
        if isinstance(role, Chance) and role.boolean and kind is not None and kind.is_floating_point:
            return value.to(kind)
        return value

    def _decided(self, value: Any, certain: bool) -> Any:
        if type(value) in (list, tuple):
            return type(value)(self._decided(item, certain) for item in value)
        role = self._role(value)
        if not isinstance(role, Chance) or not (role.boolean or certain):
            return value
        return value > 0.5 if role.boolean else (value > 0.5).to(value.dtype)

    def _role(self, value: Any) -> Role | None:
        found: Role | None = self._roles.get(value) if isinstance(value, Tensor) else None
        return found

    def _forget(self, tensor: Tensor) -> Tensor:
        self._roles.pop(tensor, None)
        return tensor


def _flat(args: Args, kwargs: Kwargs) -> Iterator[Any]:
    for value in (*args, *kwargs.values()):
        if isinstance(value, (list, tuple)):
            yield from value
        else:
            yield value
