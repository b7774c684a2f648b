"""Modules that eval() does not reach, put in eval mode with the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from torch import nn

from evalcheck.graph.kinds import kind_of
from evalcheck.graph.unregistered import hidden
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.guard import untouched
from evalcheck.guard.modes import switch
from evalcheck.probe.running import modes
from evalcheck.probe.running.modes import Mode


def awake(model: nn.Module) -> list[HiddenModule]:
    """What the model keeps without owning it and stays in train mode; not teachers, hidden on purpose."""
    kept = [h for h in hidden.find(model) if h.stateful and not h.frozen and h.keeper != "attribute"]
    return [one for one in kept if any(module.training for module in one.module.modules())]


def draw(kept: Sequence[HiddenModule]) -> bool:
    """Whether a dropout is among them."""
    found = (module for one in kept for module in one.module.modules())
    return any(kind_of(m) == "dropout" and m.training and getattr(m, "p", 1) for m in found)


def asleep(kept: Sequence[HiddenModule]) -> Mode:
    """Eval mode for the model and for these."""

    def mode(model: nn.Module) -> None:
        modes.evaluating(model)
        for one in kept:
            switch(one.module, False)

    return mode


@contextmanager
def guarded(kept: Sequence[HiddenModule]) -> Iterator[None]:
    """The guard around each: what only a closure holds is out of the sight of the model's own guard."""
    with ExitStack() as stack:
        for one in kept:
            stack.enter_context(untouched(one.module, parameters=False))
        yield
