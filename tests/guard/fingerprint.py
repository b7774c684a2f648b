"""Everything about a model that a guard must give back, as comparable values."""

from __future__ import annotations

import random

import numpy
import torch
from torch import nn


def bits(tensor):
    return tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def fingerprint(model: nn.Module) -> dict[str, object]:
    """Values, identities, versions, modes, hooks, attributes and the state of every generator."""
    found: dict[str, object] = {}
    for name, p in model.named_parameters():
        found[f"parameter {name}"] = (id(p), bits(p), p.requires_grad, p._version)
        found[f"gradient {name}"] = None if p.grad is None else (id(p.grad), bits(p.grad), p.grad._version)
    for name, b in model.named_buffers():
        found[f"buffer {name}"] = (id(b), bits(b), b._version)
    for name, module in model.named_modules():
        own = {k: v for k, v in module.__dict__.items() if not k.startswith("_")}
        found[f"attributes {name}"] = repr(sorted(own.items(), key=str))
        found[f"hooks {name}"] = (list(module._forward_hooks), list(module._forward_pre_hooks))
    found["torch"] = bits(torch.get_rng_state())
    found["numpy"] = repr(numpy.random.get_state())
    found["random"] = random.getstate()
    found["grad mode"] = torch.is_grad_enabled()
    found["fast path"] = torch.backends.mha.get_fastpath_enabled()
    return found
