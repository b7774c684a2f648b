"""Lazy modules get their shapes for a while, and are lazy again afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from evalcheck.guard.modes import switch
from evalcheck.guard.untouched import untouched


@contextmanager
def initialised(model: nn.Module, run: Callable[[nn.Module], Any]) -> Iterator[str | None]:
    """One forward in eval mode initialises what is lazy; on the way out everything is as it was.

    Yields None, or why the forward failed. Weights are drawn anew each time: what belongs together
    must be asked within one such block.
    """
    with untouched(model):
        refusal = None
        try:
            with torch.no_grad():
                switch(model, False)
                run(model)
        except Exception as error:
            refusal = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        yield refusal
