"""Which modules of a model ask for the mode while it runs, seen from a forward that really ran."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from evalcheck.batch import Batch
from evalcheck.guard import untouched
from evalcheck.probe.running import modes
from evalcheck.probe.running.runner import Runner

_TORCH = os.path.dirname(torch.__file__) + os.sep
# One class is patched for everybody: two watchers at once would leave each other's patch behind.
_WATCHING = threading.RLock()


def readers(model: nn.Module, run: Runner, batch: Batch) -> dict[str, nn.Module]:
    """The modules by path whose ``training`` is read by code that is not torch's, in train mode.

    Norms are left out: they are what batch statistics are about. So are scripted modules, whose reads
    no python sees. One forward of the batch, under the guard.
    """
    with untouched(model, parameters=False), torch.no_grad():
        modes.training(model)
        with watched() as seen:
            run.forward(batch)
    return {
        path: module
        for path, module in model.named_modules()
        if id(module) in seen and not isinstance(module, _NormBase)
    }


@contextmanager
def watched() -> Iterator[dict[int, int]]:
    """Count reads of any module's ``training`` from code outside torch, by the module's ``id``.

    A property on ``nn.Module`` stands before the instances' own attribute while the block runs; what
    is read and written is the attribute itself. A scripted module has none: the AttributeError sends
    Python on to its ``__getattr__``, as without the property.
    """
    seen: dict[int, int] = {}

    def read(module: nn.Module) -> bool:
        try:
            value: bool = module.__dict__["training"]
        except KeyError:
            raise AttributeError("training") from None
        if not sys._getframe(1).f_code.co_filename.startswith(_TORCH):
            seen[id(module)] = seen.get(id(module), 0) + 1
        return value

    def write(module: nn.Module, value: bool) -> None:
        module.__dict__["training"] = value

    with _WATCHING:
        before = nn.Module.__dict__.get("training")
        # Setting an attribute of a class that thousands derive from costs milliseconds: once each way.
        nn.Module.training = property(read, write)  # type: ignore[assignment]
        try:
            yield seen
        finally:
            if before is None:
                del nn.Module.training
            else:
                nn.Module.training = before
