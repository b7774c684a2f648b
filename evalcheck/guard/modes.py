"""Switches a model to train or eval mode as its user would, unless its ``train()`` is something else."""

from __future__ import annotations

import inspect
import re
from typing import Any

from torch import nn

# A parameter that is called so is a mode; with another one the method may be a whole training loop.
_MODE = re.compile(r"_?(is_|to_)?(mode|train|training|train_mode|flag|enabled?|on|value|state|status|b|m)|_+")


def switch(model: nn.Module, training: bool) -> None:
    """The model's own ``train()`` or ``eval()``: it may keep frozen parts in eval mode.

    A ``train(loader)`` or ``eval(data)`` that is no switch is not called; torch's own is then.
    """
    method, name = (model.train, "train") if training else (model.eval, "eval")
    if takes_mode(method, name):
        method()
    else:
        nn.Module.train(model, training)


def takes_mode(function: Any, name: str) -> bool:
    """Whether torch's own calls, ``train(mode)`` and ``eval()``, fit the method."""
    if not callable(function):
        return False
    try:
        signature = inspect.signature(function)
        signature.bind(*([False] if name == "train" else []))
    except TypeError:
        return False
    except ValueError:  # built in: nothing is known
        return True
    first = next(iter(signature.parameters.values()), None)
    if name == "eval" or first is None or first.kind is first.VAR_POSITIONAL:
        return True
    # A function that was put on the object is no method, and calls the mode what it likes.
    return _MODE.fullmatch(first.name) is not None or first.name == "self"
