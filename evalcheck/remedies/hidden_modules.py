"""Put modules that eval() does not reach in eval mode with the rest, as ``nn.ModuleList`` would."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from evalcheck.finding import Unanswerable
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.probe import Trial
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.modes import Mode
from evalcheck.remedies.gating import callers, resting, scatter
from evalcheck.remedies.gating.mode import KINDS, Gate
from evalcheck.remedies.outcome import Outcome

TITLE = "keeping them in an nn.ModuleList, so that eval() reaches them"
RELIEVES = True


def run(trial: Trial) -> Outcome:
    """What of the eval output hangs on seeds and batch-mates, and the held samples with all in eval mode.

    What else draws in eval mode is gated before and after: it is another fault.
    """
    kept = resting.awake(trial.model)
    if not kept:
        raise Unanswerable("no module that the model keeps outside of its own is in train mode")
    asleep, gate = resting.asleep(kept), Gate(KINDS, callers.known(trial.model))
    with resting.guarded(kept):
        with gate:
            before, after = _mixed(trial, modes.evaluating), _mixed(trial, asleep)
        symptom = scatter.gone(trial, before, after, alone=bool(gate.met))
        return Outcome(scatter.scored(trial, asleep), symptom, _price(kept))


def _price(kept: Sequence[HiddenModule]) -> str:
    """What being hidden did besides: to the optimiser and to checkpoints."""
    count = sum(p.numel() for one in kept for p in one.module.parameters())
    if not count:
        return ""
    return (
        f"their {count:,} parameters were neither in parameters() nor in state_dict(): an optimiser of "
        "model.parameters() never trained them, and no checkpoint holds them: change the code, train again"
    )


def _mixed(trial: Trial, mode: Mode) -> scatter.Scattered:
    """Passes with other seeds and in other batches: a norm that stays awake looks at batch-mates."""
    pool = trial.held.first(scatter.SAMPLES)
    return scatter.scattered(
        [scatter.passed(trial, pool, mode, 50 + n, _order(pool, n)).rows for n in range(scatter.PASSES)]
    )


def _order(pool: Pool, index: int) -> torch.Tensor | None:
    if pool.whole is None:
        return None
    return torch.randperm(pool.samples, generator=torch.Generator().manual_seed(index))
