"""Give an averaged copy the buffers of the model that it follows.

As averages that take buffers along do (``use_buffers=True`` averages them, timm's ``ModelEma`` copies them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch
from evalcheck.finding import Unanswerable
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import averages
from evalcheck.graph.state.averages import Average
from evalcheck.guard import untouched
from evalcheck.probe import Trial
from evalcheck.probe.judging import distance
from evalcheck.probe.running import modes, outputs
from evalcheck.remedies.gating import scatter
from evalcheck.remedies.outcome import Outcome, Symptom

TITLE = "copying the buffers into the averaged copy"
RELIEVES = True
MEASURE = "distance of the average from the model it follows"
# The distance must be worth a word, and most of it must go: the weights are a little apart too.
NOTHING, LEFT = 0.01, 0.2


@dataclass(frozen=True)
class Twins:
    """An averaged copy, the part that it follows, and the pairs of their buffers (to, from)."""

    copy: nn.Module
    online: nn.Module
    buffers: Sequence[tuple[Tensor, Tensor]]


def run(trial: Trial) -> Outcome:
    """How far copy and online part are apart on the copy's own inputs, and the held samples in eval mode."""
    found = _twins(trial.model)
    if not found:
        raise Unanswerable("the model holds no averaged copy beside the part that it follows")
    worst: Symptom | None = None
    for twins in found:
        before, after = _apart(trial, twins, False), _apart(trial, twins, True)
        if before is None or after is None or before <= NOTHING:
            continue
        symptom = Symptom(MEASURE, before, after, max(NOTHING, LEFT * before))
        worst = symptom if worst is None or after > worst.after else worst
    if worst is None:
        raise Unanswerable("eval mode does not run the averaged copy, or its buffers make no difference")
    judged = scatter.scored(trial, _copying)
    return Outcome(judged, worst)


def _twins(model: nn.Module) -> list[Twins]:
    views = {path: ModuleView(path, module) for path, module in model.named_modules()}
    graph = ModelGraph(model, views, None, None)
    return [_pair(graph, one) for one in averages.of(graph) if one.online is not None]


def _pair(graph: ModelGraph, average: Average) -> Twins:
    both = [(mine, theirs) for _, _, mine, theirs in averages.buffers(graph, average) if theirs is not None]
    return Twins(graph.modules[average.copy].module, graph.modules[str(average.online)].module, both)


def _copying(model: nn.Module) -> None:
    """Eval mode with the buffers copied; for use inside the guard, which puts them back."""
    modes.evaluating(model)
    with torch.no_grad():
        for twins in _twins(model):
            for mine, theirs in twins.buffers:
                mine.copy_(theirs)


def _apart(trial: Trial, twins: Twins, copied: bool) -> float | None:
    """Squared distance of both outputs in units of their variance; None where the copy is not run."""
    here: list[Tensor] = []
    there: list[Tensor] = []
    with scatter.answerable(), untouched(trial.model, parameters=False), torch.no_grad():
        (_copying if copied else modes.evaluating)(trial.model)

        def compare(
            copy: nn.Module, args: tuple[object, ...], kwargs: dict[str, object], out: object
        ) -> None:
            mine, theirs = (_rows(one, batch) for one in (out, twins.online(*args, **kwargs)))
            if mine is not None and theirs is not None:
                here.append(mine)
                there.append(theirs)

        twins.copy.register_forward_hook(compare, with_kwargs=True)  # the guard takes it away
        for batch in trial.held.first(scatter.SAMPLES).grouped():
            trial.run.forward(batch)
    if not here:
        return None
    one, two = torch.cat(here), torch.cat(there)
    return distance.squared(one, two) / (distance.variance(two) or 1.0)


def _rows(output: object, batch: Batch) -> Tensor | None:
    leaves = outputs.leaves(output, batch.size)
    return outputs.wide(leaves) if leaves else None
