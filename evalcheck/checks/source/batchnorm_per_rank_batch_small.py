"""Batch norm under DistributedDataParallel with very few samples on each rank."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.ranks import WRAPPERS
from evalcheck.source.data.loaders import loaders
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.models import has_batch_norm
from evalcheck.source.values import UNKNOWN, argument, assigned, literal

# Words of code that shares statistics between ranks, or does not use those of a batch.
SHARED = ("SyncBatchNorm", "SyncBN", "sync_bn", "syncbn", "sync_batchnorm", "FrozenBatchNorm", "freeze_bn")


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report a wrapped model with batch norm where every training loader has a small literal batch."""
    if file.mentions(*SHARED) or is_unit_test(file):
        return
    sizes = [(loader.call, _size(file, loader.options.get("batch_size"))) for loader in _training(file)]
    if not sizes or any(size is None or size > options["batch"] for _, size in sizes):
        return
    for call in list(file.every_call()):
        if file.resolve(call.func) not in WRAPPERS:
            continue
        model = argument(call, 0, "module")
        if model is None or not has_batch_norm(file, model):
            continue
        loader, size = sizes[0]
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=(
                f"Each rank normalises its own {size} samples: batch norm's statistics are noisy with so "
                f"few, and the running ones that evaluation uses come out of them. Convert the model with "
                f"torch.nn.SyncBatchNorm.convert_sync_batchnorm, or use another norm."
            ),
            evidence=(Quote(file.place(loader), f"a rank's batch has {size} samples here"),),
        )


def _training(file: SourceFile) -> list[Any]:
    return [loader for loader in loaders(file) if loader.of_torch and loader.purpose != "evaluation"]


def _size(file: SourceFile, node: ast.expr | None) -> int | None:
    """A literal batch size, directly or out of a constant; 1 where it is left out is not meant."""
    if isinstance(node, ast.Name):
        values = assigned(file, node)
        node = values[0] if len(values) == 1 else None
    value = literal(node) if node is not None else UNKNOWN
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
