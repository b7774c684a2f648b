"""One module at a time, for those who doubt the gates: a forward or two for each, on a part of the pool."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from evalcheck.guard import untouched
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes, outputs
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.statistics.imposing import imposed
from evalcheck.probe.statistics.population import Population

SAMPLES = 64


def of_norms(passes: Passes, population: Population) -> dict[str, float]:
    """The part of the way that repairing each norm alone goes: <f_l - f_eval, way> / |way|².

    ``way`` leads from eval mode to eval mode on the data's statistics, call by call. The parts need not
    add up to one: what two norms do together is in neither. Empty where there is no way to go.
    """
    pool = passes.held.first(SAMPLES)
    here = passes.evaluated.rows[: pool.samples]
    way = (population.mended.run.rows[: pool.samples] - here).double()
    length = float(way.square().sum())
    if not length > 0:
        return {}
    found = {}
    for path, target in population.mended.targets.items():
        norm, given = {path: passes.norms[path]}, {path: target}
        with untouched(passes.model, parameters=False), imposed(norm, given) as restart:
            run = passes.run(pool, modes.evaluating, before=restart)
        found[path] = float(((run.rows - here).double() * way).sum()) / length
    return found


def of_modules(passes: Passes, modules: Mapping[str, nn.Module]) -> dict[str, float]:
    """The variance that each module makes alone in train mode, as a part of that of all of them.

    Two seeded passes each, in eval mode but for the module's own flag.
    """
    pool = passes.held.first(SAMPLES)
    whole = _noise(passes, pool, _slowly(modes.waking([*modules.values()])))
    if not whole > 0:
        return {}
    return {
        path: _noise(passes, pool, _slowly(modes.waking([module]))) / whole
        for path, module in modules.items()
    }


def _noise(passes: Passes, pool: Pool, mode: Mode) -> float:
    with passes.answerable(mode):
        runs = [passes.run(pool, mode, seed=200 + seed) for seed in (0, 1)]
    found = outputs.aligned(runs[0].leaves, [run.leaves for run in runs])
    assert found is not None
    return max(0.0, float(distance.spread(found[1], found[0]).noise.mean()))


def _slowly(mode: Mode) -> Mode:
    """Without attention's fast path, which passes by the modules inside; the guard puts it back."""

    def slow(model: nn.Module) -> None:
        mode(model)
        torch.backends.mha.set_fastpath_enabled(False)

    return slow
