"""Buffers that eval forwards move on and on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeGuard

from evalcheck.probe.state.carried import First
from evalcheck.probe.state.frozen import Frozen
from evalcheck.probe.state.setup import Setup
from evalcheck.probe.state.snapshots import Key


def drifting(setup: Setup, first: First, keys: Iterable[Key]) -> list[Key]:
    """Those of the keys that both forwards moved, the same batch each time.

    No counters (numbers without fractions do not drift), no caches (the second forward leaves what the first
    one filled), and no statistics of norms that were left in train mode, which is a fault of its own.
    """
    before, between, after = first.before, first.between, first.after
    moved = {*before.changed(between)} & {*between.changed(after)}
    return [
        key
        for key in keys
        if key in moved
        and not setup.modules[key[0]].training
        and _is_tensor(start := before.buffers.get(key))
        and start.held.is_floating_point()
        and all(_is_tensor(later.buffers.get(key)) for later in (between, after))
    ]


def _is_tensor(value: Frozen | None) -> TypeGuard[Frozen]:
    return value is not None and value.form == "tensor"
