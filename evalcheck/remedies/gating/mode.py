"""The function mode that gates: calls that draw in an eval forward, answered as gated code would.

torch.overrides.TorchFunctionMode sees every call of a torch function from Python, and none that compiled
code (TorchScript, extensions) or other libraries make.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args

import torch
from torch.overrides import TorchFunctionMode

from evalcheck.remedies.gating import attention, callers, draws, dropouts
from evalcheck.remedies.gating.callers import Known
from evalcheck.remedies.gating.chances import Chances

Kind = Literal["dropout", "attention", "draw"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Gate(TorchFunctionMode):
    """Gates these kinds of randomness where the module whose forward draws is in eval mode.

    ``met`` are the names of the functions that would have drawn, by kind; ``left`` those for which no
    answer is known, and which drew.
    """

    def __init__(self, kinds: Collection[Kind], known: Known) -> None:
        super().__init__()
        self.kinds, self.known = frozenset(kinds), known
        self.met: dict[Kind, dict[str, None]] = {}
        self.left: dict[str, None] = {}
        self._chances = Chances()

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        if name in dropouts.NAMES:
            return self._switched("dropout", dropouts.gated(func, name, args, kwargs), func, args, kwargs)
        if name in attention.NAMES:
            return self._switched("attention", attention.gated(func, name, args, kwargs), func, args, kwargs)
        if name in draws.MEANS or name in draws.WITHOUT:
            return self._drawn(func, name, args, kwargs)
        if self._chances.concern(args, kwargs):
            return self._chances.answer(func, name, args, kwargs)
        return func(*args, **kwargs)

    def _switched(self, kind: Kind, gated: Any, func: Any, args: Any, kwargs: Any) -> Any:
        """A function that can be told the mode."""
        if gated is None or kind not in self.kinds or not callers.asleep(self.known):
            return func(*args, **kwargs)
        self.met.setdefault(kind, {})[func.__name__] = None
        return func(*gated[0], **gated[1])

    def _drawn(self, func: Any, name: str, args: Any, kwargs: Any) -> Any:
        active = "draw" in self.kinds and draws.is_active(name, args, kwargs) and callers.asleep(self.known)
        if not active:
            return func(*args, **kwargs)
        if name in draws.WITHOUT:
            self.left[name] = None
            return func(*args, **kwargs)
        self.met.setdefault("draw", {})[name] = None
        with torch.no_grad():
            return draws.MEANS[name](func, args, kwargs, self._chances)
