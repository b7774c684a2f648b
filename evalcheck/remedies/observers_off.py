"""Stop the observers of fake quantisation in eval mode.

As ``model.apply(torch.ao.quantization.disable_observer)`` does: ``observer_enabled`` is set to 0.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.state import snapshots
from evalcheck.probe.state.snapshots import Key
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "disabling the observers in eval mode"
RELIEVES = True
MEASURE = "buffers of observers that an eval forward moves"


def run(trial: Trial) -> Outcome:
    """How many of the observers' buffers one eval forward moves, with observers on and off."""
    watched = {key for one in trial.state.observing if one.observer.simulating for key in one.keys}
    if not watched:
        raise Unanswerable("no observer of a fake quantisation moves in eval mode")
    before, after = _moved(trial, modes.evaluating, watched), _moved(trial, _quiet, watched)
    if not before:
        raise Unanswerable("the first eval forward moves no observer")
    return Outcome(symptom=Symptom(MEASURE, before, after, 0.0), price=_price(trial))


def _quiet(model: nn.Module) -> None:
    """Eval mode with observers off; for use inside the guard, which puts the switches back."""
    modes.evaluating(model)
    for module in model.modules():
        enabled = getattr(module, "observer_enabled", None)
        if isinstance(enabled, Tensor):
            with torch.no_grad():
                enabled.zero_()


def _moved(trial: Trial, mode: Mode, watched: Collection[Key]) -> int:
    setup = trial.state.setup
    with setup.start(mode):
        before = snapshots.take(setup.modules)
        setup.run(setup.batches[0])
        changed = before.changed(snapshots.take(setup.modules))
    return len(set(watched).intersection(changed))


def _price(trial: Trial) -> str:
    """What the score is without ranges that were fitted to the judged samples themselves."""
    if not scatter.is_judged(trial) or trial.judge is None:
        return ""
    name = trial.judge.name
    honest = scatter.passed(trial, trial.held, _quiet, 0).mean(name)
    told, fitted = f"{honest:.3g}", f"{trial.judge.eval:.3g}"
    if told == fitted:
        return ""
    return f"{name} with the ranges of training is {told}, with those of the judged data it was {fitted}"
