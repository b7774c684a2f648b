"""Finds the data: the loaders named by options, else those of the target's own module."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from evalcheck.cli import attributes
from evalcheck.cli.attributes import Named
from evalcheck.complaint import Complaint

EVAL = ("eval_loader", "val_loader", "test_loader")
TRAIN = ("train_loader",)
EXAMPLE = "def eval_loader(): return DataLoader(...)"


@dataclass
class Data:
    """The loaders that were found, and notes that say which they are."""

    eval: Iterable[Any] | None = None
    train: Iterable[Any] | None = None
    notes: list[str] = field(default_factory=list)


def load(
    home: Named,
    loader: str | None,
    train_loader: str | None,
    options: tuple[str, str] = ("--loader", "--train-loader"),
) -> Data:
    """The loaders for evaluation and training; a plain ATTR belongs to the target's module.

    ``options`` are what they are called on the command line.
    """
    data = Data()
    data.eval = _one(data, home, loader, options[0], EVAL, "evaluation data")
    data.train = _one(data, home, train_loader, options[1], TRAIN, "training data")
    return data


def metric(home: Named, target: str | None) -> Any:
    """The function of outputs and targets that ``--metric`` names; a class is made first."""
    if target is None:
        return None
    named = attributes.find(target, home)
    value = attributes.call(named, "metric = MyMetric(10)") if isinstance(named.value, type) else named.value
    if not callable(value):
        raise Complaint(
            f"--metric: {named.name} is {attributes.kind(value)}, not a function of (outputs, targets)"
        )
    return value


def _one(
    data: Data, home: Named, target: str | None, option: str, names: tuple[str, ...], what: str
) -> Iterable[Any] | None:
    if target is not None:
        named = attributes.find(target, home)
        try:
            return _iterable(named)
        except Complaint as complaint:
            raise Complaint(f"{option}: {complaint}", complaint.detail) from None
    for name in names:
        value = vars(home.module).get(name)
        if value is None:
            continue
        named = Named(name, home.source, home.module, value)
        called = "()" if callable(value) and not isinstance(value, Iterable) else ""
        try:
            found = _iterable(named)
        except Complaint as complaint:
            # Nobody asked for this one: say why it is left out, and go on.
            data.notes.append(f"{what}: {name} of {home.source} is not used: {complaint}")
            continue
        data.notes.append(f"{what}: {name}{called} of {home.source}")
        return found
    return None


def _iterable(named: Named) -> Iterable[Any]:
    """The loader itself, or what its factory gives, if it yields batches."""
    from torch import Tensor, nn
    from torch.utils.data import Dataset, IterableDataset

    value, name = named.value, named.name
    if isinstance(value, type) or (callable(value) and not isinstance(value, Iterable)):
        value = attributes.call(named, EXAMPLE)
        name += "()"
    if isinstance(value, Dataset) and not isinstance(value, IterableDataset):
        raise Complaint(
            f"{name} is a dataset, which yields samples; wrap it in a DataLoader, which yields batches"
        )
    if isinstance(value, (str, bytes, Tensor, nn.Module)) or not isinstance(value, Iterable):
        raise Complaint(f"{name} is {attributes.kind(value)}, not an iterable of batches")
    return value
