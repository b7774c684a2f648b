"""Which of its arguments a call wrote into."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from evalcheck.graph.recording.makers import unwrapped
from evalcheck.graph.recording.tensors import tensors, version

_OPERATORS = (
    *("add", "sub", "mul", "truediv", "floordiv", "div", "idiv", "mod", "pow", "and", "or", "xor"),
    *("lshift", "rshift", "matmul"),
)
_IN_PLACE = frozenset({"__setitem__", *(f"__i{name}__" for name in _OPERATORS), "__idiv__"})


def written(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], made: list[Tensor], moved: list[Tensor]
) -> list[Tensor]:
    """The tensors that a call wrote into, out of those whose versions ``moved``.

    Views of one memory share a version, so that what was only read may have moved as well: what a
    function writes is told by its name, ``out=`` and what it returns.
    """
    target = next(iter(args), kwargs.get("input"))
    attribute = name == "__set__"
    if attribute or name in _IN_PLACE or (name.endswith("_") and not name.endswith("__")):
        if not isinstance(target, Tensor):
            return moved
        # Inference tensors, and those inside torch.func, have no version that tells.
        silent = version(target) < 0 or unwrapped(target) is not None or name == "set_"
        return [target] if attribute or silent or any(t is target for t in moved) else []
    given = [t for t in moved if any(t is result for result in made)]
    if (out := kwargs.get("out")) is not None:
        given += [t for t in moved if any(t is result for result in tensors(out))]
    return given or moved
