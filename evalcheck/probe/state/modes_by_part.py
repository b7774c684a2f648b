"""What modes of single modules do to the eval output: pinned ones that wake, hidden ones that stay awake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import splits
from evalcheck.graph.state.effects import effect
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.state.carried import Carried
from evalcheck.probe.state.nesting import within
from evalcheck.probe.state.setup import Outputs, Setup, gap
from evalcheck.probe.state.snapshots import take


@dataclass(frozen=True)
class Woken:
    """Modules in eval mode as given that ``model.train()`` wakes, and what that alone does.

    ``size`` is the relative difference of the output with everything else in eval mode; ``moved`` are
    the modules whose buffers one such forward changes.
    """

    views: list[ModuleView]
    size: float
    moved: tuple[str, ...]


@dataclass(frozen=True)
class Stray:
    """Hidden modules of one container that an eval forward used.

    ``awake`` says what those do that are in train mode then, where the mode matters, by their paths;
    ``size`` is how far the output is from that with these in eval mode, of which ``noise`` is luck (two
    passes differ by it, divided by the root of 2); both relative.
    """

    kept: tuple[HiddenModule, ...]
    awake: dict[str, str]
    size: float
    noise: float

    @property
    def weights(self) -> int:
        """How many numbers no ``parameters()`` and no ``state_dict()`` of the model knows."""
        return sum(p.numel() for hidden in self.kept for p in hidden.module.parameters())


def woken(setup: Setup, carried: Carried) -> Woken | None:
    """None where no module was put in eval mode on purpose, or ``train()`` keeps it there."""
    views = {path: ModuleView(path, module) for path, module in setup.model.named_modules()}
    found = splits.pinned(ModelGraph(setup.model, views, None, None))
    if not found:
        return None
    with setup.start(evaluating):
        before = take(setup.modules)
        setup.switch({view.path: True for view in found})
        outputs = setup.run(setup.batches[0])
        changed = before.changed(take(setup.modules))
    paths = {view.path for view in found}
    moved = tuple(dict.fromkeys(path for path, _ in changed if path in paths))
    return Woken(found, gap(carried.first.forward.outputs, outputs), moved)


def strays(setup: Setup, carried: Carried) -> list[Stray]:
    """One for each attribute that keeps hidden modules with weights, buffers or a mode, if they ran."""
    suspects = [h for h in setup.hidden if h.stateful and not h.frozen and h.keeper != "attribute"]
    if not suspects:
        return []
    _ = carried.first  # It may find that only batches as they were loaded will do.
    called = set(setup.called(evaluating))
    kept: dict[tuple[str, str], list[HiddenModule]] = {}
    for hidden in (hidden for hidden in suspects if _ran(hidden, called)):
        kept.setdefault((hidden.owner, hidden.attribute), []).append(hidden)
    return [_measured(setup, carried, tuple(group)) for group in kept.values()]


def _ran(hidden: HiddenModule, called: set[str]) -> bool:
    return any(within(path, hidden.path) for path in called)


def _measured(setup: Setup, carried: Carried, group: tuple[HiddenModule, ...]) -> Stray:
    with setup.start(evaluating):
        flags = setup.flags()
        inside = [p for p in flags if any(within(p, h.path) for h in group)]
    awake = {path: what for path in inside if flags[path] and (what := effect(setup.modules[path]))}
    if not any(flags[path] for path in inside):
        return Stray(group, {}, 0.0, 0.0)
    asleep = _run(setup, dict.fromkeys(inside, False), 0)
    one, two = carried.first.forward.outputs, _run(setup, {}, 1)
    noise, size = gap(one, two) / 2**0.5, gap(asleep, one)
    return Stray(group, awake, size, noise)


def _run(setup: Setup, flags: Mapping[str, bool], seed: int) -> Outputs:
    with setup.start(evaluating):
        setup.switch(flags)
        if seed:
            torch.manual_seed(setup.passes.run.seed * 1_000 + seed)
        return setup.run(setup.batches[0])
