"""Whether a label is true: what was planted is measured, without evalcheck."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn.modules.instancenorm import _InstanceNorm

from labelled_models.case import Case, Trained
from labelled_models.measuring import (
    Mode,
    apart,
    evaluating,
    loss,
    mean_loss,
    normalising,
    read,
    recalibrated,
    remixed,
    repeated,
    run,
    training,
    without_norms,
)


@dataclass(frozen=True)
class Evidence:
    """``value`` must lie above ``bound``, or below it for a healthy model."""

    what: str
    value: float
    bound: float
    healthy: bool = False

    @property
    def holds(self) -> bool:
        return self.value <= self.bound if self.healthy else self.value > self.bound


def judge(case: Case, trained: Trained) -> list[Evidence]:
    """All that must hold for the label to be true."""
    torch.manual_seed(0)
    return _JUDGES[case.label](trained)


def _healthy(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    out = run(trained.model, held, evaluating)
    distance = apart(out, repeated(trained, held, training))
    harm = loss(out, held) - mean_loss(repeated(trained, held, normalising), held)
    return [
        Evidence("eval from the mean of train mode", distance, 0.08, healthy=True),
        Evidence("loss that eval mode costs", harm, 0.01, healthy=True),
        Evidence("eval from precise statistics", _moved(trained, training), 0.02, healthy=True),
    ]


def _moved(trained: Trained, mode: Mode) -> float:
    held = read(trained.evaluation)
    return apart(run(trained.model, held, evaluating), run(recalibrated(trained, mode), held, evaluating))


def _stale(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    out = run(trained.model, held, evaluating)
    mended = run(recalibrated(trained, training), held, evaluating)
    return [
        Evidence("eval from precise statistics", apart(out, mended), 0.02),
        Evidence("loss that the statistics cost", loss(out, held) - loss(mended, held), 0.0),
    ]


def _dropout(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    on, off = (run(recalibrated(trained, mode), held, evaluating) for mode in (training, normalising))
    return [
        Evidence("statistics with dropout from those without", apart(on, off), 0.01),
        Evidence("as much beside staleness", apart(on, off) / max(_moved(trained, training), 1e-9), 1.0),
    ]


def _shared(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    mended = run(recalibrated(trained, training), held, evaluating)
    passes = repeated(trained, held, normalising)
    return [
        Evidence("pooled statistics from batches'", apart(mended, passes), 0.05),
        Evidence("loss that sharing costs", loss(mended, held) - mean_loss(passes, held), 0.0),
    ]


def _domain(trained: Trained) -> list[Evidence]:
    assert trained.clean is not None
    held, clean = read(trained.evaluation), read(trained.clean)
    out, before = run(trained.model, held, evaluating), run(trained.model, clean, evaluating)
    return [
        Evidence("outputs moved by the shift", apart(out, before), 0.04),
        Evidence("loss that the shift costs", loss(out, held) - loss(before, clean), 0.02),
    ]


def _batch(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    tracked = any(isinstance(m, _InstanceNorm) for m in trained.model.modules())
    steady = trained.model if tracked else recalibrated(trained, normalising)
    out = run(steady, held, evaluating)
    size = apart(out, repeated(trained, held, normalising))
    stale = 0.0 if tracked else _moved(trained, training)
    return [
        Evidence("precise statistics from batches'", size, 0.05),
        Evidence("as much beside staleness", size / max(stale, 1e-9), 1.0),
    ]


def _order(trained: Trained) -> list[Evidence]:
    loaded = read(trained.training)
    mixed, back = remixed(loaded, len(loaded[0][0]), 0)
    as_loaded = run(trained.model, loaded, normalising)
    reshuffled = run(trained.model, mixed, normalising)[back]
    return [Evidence("as loaded from reshuffled", apart(as_loaded, reshuffled), 0.1)]


def _custom(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    passes = repeated(trained, held, without_norms)
    out = run(trained.model, held, evaluating)
    return [Evidence("eval from train mode, norms apart", apart(out, passes), 0.03)]


def _noise(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    one, two = (run(trained.model, held, evaluating) for _ in range(2))
    return [Evidence("eval from itself", apart(one, two), 1e-4)]


def _leak(trained: Trained) -> list[Evidence]:
    held = read(trained.evaluation)
    mixed, back = remixed(held, 20, 0)
    out = run(trained.model, held, evaluating)
    return [
        Evidence("eval from smaller batches", apart(out, run(trained.model, mixed, evaluating)[back]), 1e-3)
    ]


_JUDGES: dict[str, Callable[[Trained], list[Evidence]]] = {
    "healthy": _healthy,
    "stale": _stale,
    "dropout": _dropout,
    "shared": _shared,
    "domain": _domain,
    "batch": _batch,
    "order": _order,
    "custom": _custom,
    "noise": _noise,
    "leak": _leak,
}
