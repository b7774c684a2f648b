"""Hooks of the probe on copies that a forward makes of a module: they come along, and are not meant."""

from __future__ import annotations

from torch import nn


def is_copy(called: nn.Module, original: nn.Module) -> bool:
    """Whether a hook runs on another module than the one that it was put on, with buffers of its own.

    ``copy.deepcopy(layer)`` takes hooks along. What shares its buffers moves them as the module itself
    does (``copy.copy``), and a replica of ``DataParallel`` is the module at work on its part of the batch.
    """
    if called is original or getattr(called, "_is_replica", False):
        return False
    return called._buffers is not original._buffers
