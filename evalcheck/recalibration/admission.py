"""Which norms can be given new statistics, and why a model has none of them."""

from __future__ import annotations

from typing import cast

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.complaint import Complaint
from evalcheck.guard.untouched import is_lazy
from evalcheck.probe.running import modes

WRAPPERS = ("DataParallel", "DistributedDataParallel", "AveragedModel")


def unwrapped(model: nn.Module) -> tuple[nn.Module, str]:
    """The model inside torch's own wrappers, which scatter batches or hide what forward takes; its path."""
    prefix = ""
    while type(model).__name__ in WRAPPERS and isinstance(getattr(model, "module", None), nn.Module):
        model, prefix = cast(nn.Module, model.module), f"{prefix}module."
    return model, prefix


def norms(model: nn.Module, prefix: str = "") -> dict[str, _BatchNorm]:
    """The batch norms that train mode wakes, by path behind ``prefix``; under the guard: it switches modes.

    A norm that is in eval mode while the model is in train mode is frozen by hand and stays as it is, like
    one that the model's own ``train()`` leaves in eval. Raises :class:`Complaint` where none is left.
    """
    if is_lazy(model):
        raise Complaint(
            "some layers are lazy and have no shapes yet: run the model once before it is recalibrated"
        )
    if modes.hides_norms(model):
        raise Complaint(
            "batch norms inside scripted modules cannot be looked at: recalibrate before torch.jit.script"
        )
    if any(tensor.is_meta for tensor in [*model.parameters(), *model.buffers()]):
        raise Complaint("the model is on the meta device, where nothing is computed: load its weights first")
    every = {path: m for path, m in model.named_modules() if isinstance(m, _BatchNorm)}
    frozen = {id(m) for m in every.values() if model.training and not m.training}
    found = {prefix + path: m for path, m in _awake(model).items() if id(m) not in frozen}
    if not found:
        raise Complaint(_why_none(every))
    _demand_own_buffers(found)
    return found


def _awake(model: nn.Module) -> dict[str, _BatchNorm]:
    try:
        return modes.batch_norms(model)
    except Exception as error:
        told = f"{type(error).__name__}: {error}".split("\n")[0]
        raise Complaint(
            f"the model's own train() or eval() raised {told}: without it nothing is recalibrated"
        ) from error


def _why_none(every: dict[str, _BatchNorm]) -> str:
    if not every:
        return "the model has no batch norms: there is nothing to recalibrate"
    if all(norm.running_mean is None for norm in every.values()):
        return (
            "the batch norms keep no running statistics (track_running_stats=False), so that eval mode uses "
            "the batch's own: there is nothing to recalibrate"
        )
    return (
        f"all {len(every)} batch norms are frozen (they are in eval mode while the model is in train mode): "
        "call .train() on those that should be recalibrated, and let the model's train() wake them"
    )


def _demand_own_buffers(found: dict[str, _BatchNorm]) -> None:
    met: dict[int, str] = {}
    for path, norm in found.items():
        assert norm.running_mean is not None
        first = met.setdefault(norm.running_mean.data_ptr(), path)
        if first != path:
            raise Complaint(
                f"{first} and {path} share one set of running statistics, which fits one only: give each "
                "its own"
            )
