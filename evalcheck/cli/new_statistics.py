"""The new statistics by name, what the model makes of them, and the weights that hold them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from evalcheck.cli import checkpoint
from evalcheck.cli.weights import Weights, is_extra
from evalcheck.complaint import Complaint
from evalcheck.recalibration import Recalibration
from evalcheck.recalibration.judging import Judgement, judge

if TYPE_CHECKING:
    from evalcheck.probe import Pool
    from evalcheck.probe.judging.scoring import Metric

NOT_JUDGED = Judgement(reason="no samples could be set aside: pass --eval-loader")


def named(model: nn.Module, made: Recalibration) -> dict[str, Tensor]:
    """Copies of the buffers that were written, by their names in the model's state_dict.

    A norm that stands under two names keeps one set of buffers, and has one set of copies.
    """
    ours = {id(buffer): buffer.detach().clone() for buffer in made.buffers}
    own = model.state_dict(keep_vars=True)
    return {name: ours[id(value)] for name, value in own.items() if id(value) in ours}


def judged(
    model: nn.Module, made: Recalibration, pool: Pool | None, metric: Metric | None, seed: int
) -> Judgement:
    """Before and after; the model is afterwards on its old statistics."""
    if pool is None:
        made.restore()
        return NOT_JUDGED
    return judge(model, made, pool, metric, seed)


def differing(model: nn.Module, held: Weights | None, new: Mapping[str, Tensor]) -> list[str]:
    """Names of the buffers that get other values by this, each buffer once; before anything is written."""
    keys = checkpoint.own_names(held.state, model) if held is not None else {}
    state = held.state if held is not None else model.state_dict()
    found: dict[int, str] = {}
    for name, value in new.items():
        key = keys.get(name) if held is not None else name
        if key is not None and not torch.equal(state[key].cpu(), value.to("cpu", state[key].dtype)):
            found[id(value)] = name
    return list(found.values())


def written(model: nn.Module, held: Weights | None, new: Mapping[str, Tensor]) -> Weights:
    """The checkpoint as it was read, else the model's own weights, with the new statistics in it.

    Raises :class:`Complaint` for a number that the checkpoint's dtype cannot hold.
    """
    if held is None:
        state = model.state_dict()
        for name, value in new.items():
            state[name] = value
        tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
        extra = {key: value for key, value in state.items() if is_extra(key, value)}
        return Weights(state, tensors, extra=extra)
    keys = checkpoint.own_names(held.state, model)
    with torch.no_grad():
        for name, value in new.items():
            # An old checkpoint may have no counter of batches, and gets none.
            if name in keys:
                there = held.state[keys[name]].copy_(value)
                if there.is_floating_point() and not bool(there.isfinite().all()):
                    kind = str(there.dtype).removeprefix("torch.")
                    raise Complaint(
                        f"{name} is too large for the checkpoint's {kind}: save it as float32 first"
                    )
    return held
