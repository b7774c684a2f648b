"""Batches of sequences with padding: which positions hold data, and the same batch with more padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.batch.signature import signature
from evalcheck.probe.dependence.difference import between
from evalcheck.probe.dependence.fingerprints import View

# What is True (or 1) at data, what is True at padding, what counts positions. ``mask`` may be either: its
# value at the first position is taken for data where all samples agree.
KEEPS, DROPS, EITHER = (
    ("attention_mask",),
    ("key_padding_mask", "src_key_padding_mask", "padding_mask"),
    ("mask",),
)
LENGTHS = ("lengths", "input_lengths", "seq_lengths")
LABELS = ("labels", "label", "targets", "target")


def holds_tokens(batch: Batch) -> bool:
    """Whether an input is rows of whole numbers beyond 0 and 1, as token numbers are."""
    inputs = (tensor for _, tensor in tree.leaves([batch.args, batch.kwargs]))
    return any(
        tensor.ndim == 2
        and tensor.dtype in (torch.int32, torch.int64)
        and tensor.shape[1] > 2
        and bool((tensor > 1).any())
        for tensor in inputs
    )


@dataclass(frozen=True)
class Sequences:
    """``valid`` is bool (samples, positions); ``name`` the input that told; ``left``: padding is in front."""

    batch: Batch
    name: str
    valid: Tensor
    names: dict[int, str]
    padding_id: int = 0
    left: bool = False

    @property
    def length(self) -> int:
        return int(self.valid.shape[1])

    def padded(self, columns: int) -> Batch:
        """The batch with that many columns of padding more, on the side where padding is."""

        def wider(tensor: Tensor) -> Tensor:
            name = self.names.get(id(tensor), "")
            if tensor.ndim < 2 or tensor.shape[:2] != self.valid.shape or name.startswith("decoder_"):
                return tensor
            more = tensor[:, -1:].expand(-1, columns, *tensor.shape[2:]).clone()
            if name == self.name:
                more[:] = self._mark(tensor)
            elif name in LABELS:
                more[:] = -100
            elif tensor.is_floating_point():
                more[:] = 0
            elif name == "input_ids" or len(self.names) <= 2:
                more[:] = self.padding_id
            return torch.cat([more, tensor] if self.left else [tensor, more], dim=1)

        return _mapped(wider, self.batch)

    def trimmed(self) -> tuple[Sequences, Batch] | None:
        """The shorter half of the samples without the padding that all of them have, and with it.

        None where they have none. The data's own padding says more than what would be made up.
        """
        order = self.valid.sum(1).argsort().cpu()[: max(2, len(self.valid) // 2)].sort().values
        batch = self.batch.rows(order)
        valid = self.valid[order.to(self.valid.device)]
        used = valid.any(0).nonzero().flatten()
        start, end = (int(used[0]), self.length) if self.left else (0, int(used[-1]) + 1)
        if end - start == self.length:
            return None
        names = _renamed(self, batch)

        def shorter(tensor: Tensor) -> Tensor:
            decoder = names.get(id(tensor), "").startswith("decoder_")
            return tensor if decoder or tensor.shape[:2] != valid.shape else tensor[:, start:end]

        return replace(self, batch=_mapped(shorter, batch), valid=valid[:, start:end], names={}), batch

    def _mark(self, mask: Tensor) -> Any:
        """The mask's value for padding."""
        data = mask[self.valid.to(mask.device)][0]
        return ~data if mask.dtype is torch.bool else 1 - data

    def has_positions(self, output: Any) -> bool:
        """Whether some output has an entry for each position."""
        return any(_along(leaf, self.valid) for _, leaf in tree.leaves(output) if leaf.is_floating_point())

    def gap(self, one: Any, two: Any) -> float | None:
        """The relative difference of two outputs where they hold data; None where nothing can be compared.

        The second may be longer by padding on the side where padding is.
        """
        pairs = list(self._pairs(one, two))
        here, there = ({str(i): pair[side] for i, pair in enumerate(pairs)} for side in (0, 1))
        return between(here, there)

    def _pairs(self, one: Any, two: Any) -> Iterator[tuple[Tensor, Tensor]]:
        other = dict(tree.leaves(two))
        for path, leaf in tree.leaves(one):
            there = other.get(path)
            if there is None or not leaf.is_floating_point() or not leaf.ndim or len(leaf) != len(self.valid):
                continue
            if (
                _along(leaf, self.valid)
                and there.shape[0] == leaf.shape[0]
                and there.shape[2:] == leaf.shape[2:]
            ):
                part = there[:, -self.length :] if self.left else there[:, : self.length]
                if part.shape == leaf.shape:
                    valid = self.valid.to(leaf.device)
                    yield leaf.detach()[valid], part.detach()[valid]
            elif there.shape == leaf.shape:
                yield leaf.detach(), there.detach()
            elif leaf.ndim > 2 and there.shape[2:] == leaf.shape[2:] and not self.left:
                steps = min(leaf.shape[1], there.shape[1])
                valid = self._thinned(leaf.shape[1])[:, :steps].to(leaf.device)
                yield leaf.detach()[:, :steps][valid], there.detach()[:, :steps][valid]

    def _thinned(self, steps: int) -> Tensor:
        """Which of fewer steps hold data, (samples, steps): speech models keep one of hundreds.

        The last step or two of each sample are left out: they may see padding as it is meant.
        """
        ends = (torch.arange(steps, device=self.valid.device) + 2) * (self.length / steps)
        return ends[None] <= self.valid.sum(1, keepdim=True)

    def view(self, columns: int) -> View:
        """The part of an activation that holds data, in the batch with more columns, for fingerprints.

        Positions lie along the second dimension, or along the third behind channels.
        """
        total, valid = self.length + columns, self.valid

        def part(tensor: Tensor) -> Tensor | None:
            if tensor.ndim < 2 or tensor.shape[0] != len(valid):
                return None
            if tensor.shape[1] != total and tensor.ndim > 2:
                tensor = tensor.transpose(1, 2)
            if tensor.shape[1] != total or total in tensor.shape[2:]:
                return None
            kept = tensor[:, columns:] if self.left else tensor[:, : self.length]
            return kept[valid.to(tensor.device)]

        return part


def _mapped(change: Callable[[Tensor], Tensor], batch: Batch) -> Batch:
    parts = (batch.args, batch.kwargs, batch.targets, batch.whole)
    args, kwargs, targets, whole = (tree.map_tensors(change, part) for part in parts)
    return replace(batch, args=args, kwargs=kwargs, targets=targets, whole=whole)


def _renamed(sequences: Sequences, batch: Batch) -> dict[int, str]:
    """The names of another batch's tensors, which lie at the same places."""
    here, there = ([t for _, t in tree.leaves([b.args, b.kwargs, b.whole])] for b in (sequences.batch, batch))
    return {id(new): sequences.names.get(id(old), "") for old, new in zip(here, there, strict=True)}


def recognised(batch: Batch, model: nn.Module) -> Sequences | None:
    """What the batch tells of its padding; None where no mask or lengths are recognised."""
    named = dict(_named(batch, model))
    names = {id(tensor): name for name, tensor in named.items()}
    for name, tensor in named.items():
        valid = _valid(name, tensor, named, batch.size)
        if valid is not None and bool(valid.any(1).all()) and not _square(named, valid):
            left = bool(valid[:, -1].all()) and not bool(valid[:, 0].all())
            padding = _padding_id(named, valid, model)
            return Sequences(batch, name, valid, names, padding, left)
    return None


def _named(batch: Batch, model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    held: list[tuple[str, Any]] = [
        *zip(signature(model).names, batch.args, strict=False),
        *batch.kwargs.items(),
    ]
    for whole in (batch.whole, *batch.args):
        if isinstance(whole, Mapping):
            held += [(str(key), value) for key, value in whole.items()]
    yield from ((name, value) for name, value in held if isinstance(value, Tensor))


def _valid(name: str, tensor: Tensor, named: dict[str, Tensor], size: int) -> Tensor | None:
    if name in LENGTHS and tensor.ndim == 1 and len(tensor) == size and not tensor.is_floating_point():
        longest = int(tensor.max())
        lengths = {t.shape[1] for t in named.values() if t.ndim > 1 and t.shape[0] == size}
        if len(lengths) == 1 and (length := lengths.pop()) >= longest:
            return torch.arange(length, device=tensor.device)[None] < tensor[:, None]
        return None
    if tensor.ndim != 2 or tensor.shape[0] != size or not _is_binary(tensor):
        return None
    if name in KEEPS:
        return tensor.bool()
    if name in DROPS:
        return ~tensor.bool()
    first = tensor[:, 0].bool()
    if name in EITHER and bool((first == first[0]).all()):
        return tensor.bool() == first[0]
    return None


def _is_binary(tensor: Tensor) -> bool:
    if tensor.layout is not torch.strided:
        return False
    return tensor.dtype is torch.bool or bool(((tensor == 0) | (tensor == 1)).all())


def _square(named: dict[str, Tensor], valid: Tensor) -> bool:
    """Whether some input relates positions to each other: how that would be padded is not known."""
    length = valid.shape[1]
    return any(sum(side == length for side in t.shape[t.ndim > 2 :]) > 1 for t in named.values())


def _padding_id(named: dict[str, Tensor], valid: Tensor, model: nn.Module) -> int:
    for tensor in named.values():
        if (
            tensor.dtype is torch.int64
            and tensor.shape == valid.shape
            and not valid.all()
            and not _is_binary(tensor)
        ):
            return int(tensor[~valid].mode().values)
    return int(getattr(getattr(model, "config", None), "pad_token_id", None) or 0)


def _along(leaf: Tensor, valid: Tensor) -> bool:
    return leaf.ndim > 1 and leaf.shape[:2] == valid.shape
