"""How many samples go through the model at once: as many as are sure to fit.

The error of one pass falls as 1 / B for batches of B samples, for each norm passes on what it
normalised by its batch (Wu and Johnson, arXiv 2105.07576, table 2: no loss from 100 on).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from evalcheck.batch import Batch, join, tree
from evalcheck.guard.modes import switch
from evalcheck.probe.running.runner import Runner

# Samples that memory is judged by, the bytes that activations may take at once, and the bytes up to which
# the least batch is taken all the same.
TRIED = 4
LIVE, MOST = 2**31, 2**33
# Tensors as large as the largest that live at the same time: skip connections, workspaces.
AT_ONCE = 4
LEAST, GREATEST = 100, 10_000


def size_for(model: nn.Module, runner: Runner, batch: Batch, place: torch.device) -> int:
    """The batch size that the model's activations allow; under the guard, without gradients.

    One eval forward of a few samples shows the largest input and output of a module. Between 100 and
    10,000; less than 100 only where these clearly do not fit.
    """
    few = batch.rows(torch.arange(min(TRIED, batch.size))) if join([batch]) is not None else batch
    switch(model, False)
    largest = _largest(model, runner, few.to(place)) / few.size
    each = max(1.0, AT_ONCE * largest)
    room = _room(place)
    least = min(LEAST, int(max(MOST, room) / each))
    return max(2, min(GREATEST, max(least, int(room / each))))


def _largest(model: nn.Module, runner: Runner, batch: Batch) -> float:
    """Bytes of the largest input and output together that one module has in this forward."""
    found = [0]

    def look(_: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        found.append(sum(t.numel() * t.element_size() for _, t in tree.leaves([*args, output])))

    hooks = [
        m.register_forward_hook(look) for m in model.modules() if not isinstance(m, torch.jit.ScriptModule)
    ]
    try:
        runner.forward(batch)
    finally:
        for hook in hooks:
            hook.remove()
    return max(found)


def _room(place: torch.device) -> float:
    if place.type == "cuda":
        return torch.cuda.mem_get_info(place)[0] / 4
    return LIVE
