"""Whose forward a call comes from, and in which mode that module is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FrameType

from torch import nn

from evalcheck.graph.unregistered import hidden

Known = Mapping[int, nn.Module]


def known(model: nn.Module) -> Known:
    """The modules of a model by their identity, those too that it keeps without owning them."""
    roots = [model, *(kept.module for kept in hidden.find(model))]
    return {id(module): module for root in roots for module in root.modules()}


def asleep(modules: Known) -> bool:
    """Whether the innermost of these modules whose code is being run is in eval mode; False outside of all.

    A layer that a forward makes anew is none of them: the module that made it decides. So does the module
    that is handed to a helper as its first argument.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_argcount:
            first = frame.f_locals.get(code.co_varnames[0])
            if isinstance(first, nn.Module) and modules.get(id(first)) is first:
                return not first.training
        frame = frame.f_back
    return False
