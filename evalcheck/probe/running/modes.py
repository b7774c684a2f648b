"""The states in which a model is run. All are entered and left inside the guard."""

from __future__ import annotations

from collections.abc import Callable, Collection

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm, _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm

from evalcheck.guard.modes import switch

Mode = Callable[[nn.Module], None]


def evaluating(model: nn.Module) -> None:
    """Eval mode, through the model's own ``eval``."""
    switch(model, False)


def training(model: nn.Module) -> None:
    """Train mode, through the model's own ``train``: what it freezes stays frozen."""
    switch(model, True)


def batch_statistics(model: nn.Module) -> None:
    """Train mode without its noise: norms use the statistics of the batch, everything else is in eval.

    Norms that ``train()`` leaves in eval (frozen on purpose) stay so: the flags are taken after it.
    """
    switch(model, True)
    awake = [m for m in model.modules() if isinstance(m, _NormBase) and m.training]
    switch(model, False)
    for norm in awake:
        norm.training = True


def waking(chosen: Collection[nn.Module]) -> Mode:
    """Eval mode, but for the own flags of these modules (not their children's) that ``train()`` sets."""

    def mode(model: nn.Module) -> None:
        switch(model, True)
        awake = [module for module in chosen if module.training]
        switch(model, False)
        for module in awake:
            module.training = True

    return mode


def instance_norms(model: nn.Module) -> tuple[str, ...]:
    """Instance norms that keep running statistics: eval mode uses these, train mode the instance's own."""
    switch(model, True)
    found = [(path, m) for path, m in model.named_modules() if isinstance(m, _InstanceNorm) and m.training]
    return tuple(path for path, m in found if m.track_running_stats and m.running_mean is not None)


def batch_norms(model: nn.Module) -> dict[str, _BatchNorm]:
    """The batch norms by path that use batch statistics in train mode and running ones in eval."""
    switch(model, True)
    awake = {id(m) for m in model.modules() if isinstance(m, _BatchNorm) and m.training}
    return {
        path: module
        for path, module in model.named_modules()
        if isinstance(module, _BatchNorm) and id(module) in awake and module.running_mean is not None
    }


def hides_norms(model: nn.Module) -> bool:
    """Whether batch norms are inside scripted modules: no hook sees what these are given.

    Only their original class's name tells them; frozen ones of libraries count no batches.
    """
    return any(
        "BatchNorm" in getattr(module, "original_name", "") and "num_batches_tracked" in names
        for module in model.modules()
        if isinstance(module, torch.jit.ScriptModule)
        for names in [dict(module.named_buffers(recurse=False))]
    )
