"""torch's fast path for attention in eval mode: another computation, which hooks turn off."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from evalcheck.probe.dependence.bench import Bench

# From the outermost on: an encoder hands its layers nested tensors, a layer runs without its children.
KINDS = (nn.TransformerEncoder, nn.TransformerEncoderLayer, nn.MultiheadAttention)


def responsible(bench: Bench, question: Callable[[], float | None], tolerance: float) -> str | None:
    """The module whose fast path makes two runs differ; None where it is not that.

    Fingerprints do not see it: a module with hooks does not take the fast path.
    """
    for kind in KINDS:
        for path, module in bench.model.named_modules():
            if isinstance(module, kind):
                return path if agrees_without(bench, question, tolerance) else None
    return None


def agrees_without(bench: Bench, question: Callable[[], float | None], tolerance: float) -> bool:
    """Whether the two runs agree with torch's fast path off."""
    with bench.guarded(apart=True):
        torch.backends.mha.set_fastpath_enabled(False)  # the guard puts it back
        size = question()
    return size is not None and not size > bench.limit(tolerance)
