"""What a tool leaves behind, besides statistics: the model before and after, and the random generators.

Told from the objects themselves. The statistics are left out, since to change them is the task.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks")
STATISTICS = ("running_mean", "running_var")


def _bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _modes(model: nn.Module) -> object:
    return [module.training for module in model.modules()]


def _momenta(model: nn.Module) -> object:
    return [module.momentum for module in model.modules() if isinstance(module, _BatchNorm)]


def _counters(model: nn.Module) -> object:
    return [int(b) for name, b in model.named_buffers() if name.endswith("num_batches_tracked")]


def _identities(model: nn.Module) -> object:
    return [(name, id(b)) for name, b in model.named_buffers() if name.endswith(STATISTICS)]


def _hooks(model: nn.Module) -> object:
    return [[list(getattr(module, kind)) for kind in HOOKS] for module in model.modules()]


def _weights(model: nn.Module) -> object:
    """Parameters and the buffers that are no statistics, bit for bit, and the gradients."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    kept = [(n, t) for n, t in tensors if not n.endswith((*STATISTICS, "num_batches_tracked"))]
    return [(n, id(t), _bits(t), t.requires_grad, t.grad is None) for n, t in kept]


def _attributes(model: nn.Module) -> object:
    """Names of what hangs on the modules."""
    return [sorted(vars(module)) for module in model.modules()]


def _generators(_: nn.Module) -> object:
    """The loader's own draws are in it: a shuffling loader takes its seed from torch's generator."""
    return (torch.get_rng_state().tolist(), repr(numpy.random.get_state()), random.getstate())


def _settings(_: nn.Module) -> object:
    return (torch.is_grad_enabled(), torch.is_autocast_enabled("cpu"), torch.get_default_dtype())


PARTS: dict[str, Callable[[nn.Module], object]] = {
    "modes": _modes,
    "momentum": _momenta,
    "hooks": _hooks,
    "counters": _counters,
    "new buffer objects": _identities,
    "weights": _weights,
    "attributes": _attributes,
    "generators": _generators,
    "settings": _settings,
}


def fingerprint(model: nn.Module) -> dict[str, object]:
    """Every part as a comparable value."""
    return {name: part(model) for name, part in PARTS.items()}


def statistics(model: nn.Module) -> list[bytes]:
    """The bits of the running statistics."""
    return [_bits(b) for name, b in model.named_buffers() if name.endswith(STATISTICS)]


def changed(before: dict[str, object], after: dict[str, object]) -> tuple[str, ...]:
    """The names of the parts that differ; of the counters of batches, where they went."""
    found = [name for name in PARTS if before[name] != after[name]]
    if "counters" in found:
        up = sum(after["counters"]) > sum(before["counters"])  # type: ignore[call-overload]
        found[found.index("counters")] = "counters up" if up else "counters reset"
    return tuple(found)
