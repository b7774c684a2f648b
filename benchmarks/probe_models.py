"""Models that a whole check is timed on, a few steps into their training, with data of random numbers.

Norms are then far from the data's statistics, so that every question of the probe is asked to its end: the
dearest case, not the usual one.
"""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from menagerie import operators
from torch import Tensor, nn
from torch.nn import functional as F

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
STEPS, CLASSES = 3, 10


@dataclass(frozen=True)
class Subject:
    """A model with the batches of its two loaders."""

    name: str
    model: nn.Module
    held: list[Any]
    feed: list[Any]

    @property
    def samples(self) -> int:
        """In the evaluation loader."""
        return sum(size(batch) for batch in self.held)


def size(batch: Any) -> int:
    """Samples of a batch: ``(inputs, targets)`` or a mapping."""
    first = next(iter(batch.values())) if isinstance(batch, dict) else batch[0]
    return len(first)


def run(model: nn.Module, batch: Any) -> Any:
    """The model on a batch."""
    return model(**batch) if isinstance(batch, dict) else model(batch[0])


def loss(model: nn.Module, batch: Any) -> Tensor:
    """Cross entropy, or the loss that the model computes itself."""
    output = run(model, batch)
    return output["loss"] if isinstance(batch, dict) else F.cross_entropy(output, batch[1])


def names() -> tuple[str, ...]:
    """Those whose library is installed, and the repository's example."""
    found = ["example"]
    if importlib.util.find_spec("timm"):
        found += ["resnet50", "densenet121", "efficientnet_b0"]
    if importlib.util.find_spec("transformers"):
        found.append("bert")
    return tuple(found)


def make(name: str, samples: int, batch: int, pixels: int, device: str = "cpu") -> Subject:
    """One of :func:`names`; the example has its own data."""
    torch.manual_seed(0)
    made = {"example": _example, "bert": _bert}.get(name, _pictures)(name, samples, batch, pixels)
    model = made.model.to(device)
    held, feed = (_moved(batches, device) for batches in (made.held, made.feed))
    if name != "example":
        _train(model, feed)
    return Subject(name, model, held, feed)


def _train(model: nn.Module, batches: list[Any]) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model.train()
    for batch in batches[:STEPS]:
        optimizer.zero_grad()
        loss(model, batch).backward()
        optimizer.step()
    optimizer.zero_grad()


def _moved(batches: list[Any], device: str) -> list[Any]:
    def moved(batch: Any) -> Any:
        if isinstance(batch, dict):
            return {key: value.to(device) for key, value in batch.items()}
        return tuple(part.to(device) for part in batch)

    return [moved(batch) for batch in batches]


def _example(name: str, samples: int, batch: int, pixels: int) -> Subject:
    sys.path.insert(0, str(EXAMPLES))
    import skeleton

    return Subject(name, skeleton.build_model(), list(skeleton.eval_loader()), list(skeleton.train_loader()))


def _pictures(name: str, samples: int, batch: int, pixels: int) -> Subject:
    operators.declare()
    import timm

    def batches(seed: int) -> list[Any]:
        draw = torch.Generator().manual_seed(seed)
        y = torch.randint(CLASSES, (samples,), generator=draw)
        x = torch.randn(samples, 3, pixels, pixels, generator=draw) + y.view(-1, 1, 1, 1) / CLASSES
        return list(zip(x.split(batch), y.split(batch), strict=True))

    return Subject(name, timm.create_model(name, num_classes=CLASSES), batches(1), batches(2))


def _bert(name: str, samples: int, batch: int, pixels: int) -> Subject:
    operators.declare()
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=1000,
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=512,
        num_labels=CLASSES,
    )

    def batches(seed: int) -> list[Any]:
        draw = torch.Generator().manual_seed(seed)
        words = torch.randint(5, 1000, (samples, 32), generator=draw)
        labels = words[:, 0] % CLASSES
        return [
            {"input_ids": x, "attention_mask": torch.ones_like(x), "labels": y}
            for x, y in zip(words.split(batch), labels.split(batch), strict=True)
        ]

    return Subject(name, BertForSequenceClassification(config), batches(1), batches(2))
