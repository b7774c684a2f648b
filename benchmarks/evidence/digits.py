"""The data and the small networks that the tables are made on: scikit-learn's digits, 8 by 8 pixels.

1,297 images train and 500 test, always the same ones. Everything is seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F

from evalcheck import remedies
from evalcheck.probe import Pool, Trial, draw
from evalcheck.probe.running.runner import Run

TRAIN, TEST = 1297, 500
Batches = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Images:
    """Images (N, 1, 8, 8) in [0, 1] and their classes (N,)."""

    x: Tensor
    y: Tensor

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, rows: Tensor | slice) -> Images:
        return Images(self.x[rows], self.y[rows])

    def changed(self, change: Callable[[Tensor], Tensor]) -> Images:
        """The same images, seen through another camera."""
        return Images(change(self.x), self.y)

    def batches(self, size: int = 128) -> Batches:
        """In the order in which they lie; a short last batch joins the one before it in a pool."""
        return list(zip(self.x.split(size), self.y.split(size), strict=True))

    def shuffled(self, seed: int) -> Images:
        return self[torch.randperm(len(self), generator=torch.Generator().manual_seed(seed))]


def load() -> tuple[Images, Images]:
    """The images to train on, and those to test with."""
    raw = load_digits()
    x = torch.tensor(raw.data, dtype=torch.float32).view(-1, 1, 8, 8) / 16
    every = Images(x, torch.tensor(raw.target)).shuffled(0)
    return every[slice(0, TRAIN)], every[slice(TRAIN, None)]


class Block(nn.Module):
    """Convolution, batch norm, ReLU; dropout right before the norm (a) or before the convolution (b)."""

    def __init__(self, inside: int, outside: int, stride: int, place: str, q: float, momentum: float) -> None:
        super().__init__()
        self.before = nn.Dropout(q) if place == "b" else nn.Identity()
        self.conv = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.between = nn.Dropout(q) if place == "a" else nn.Identity()
        self.bn = nn.BatchNorm2d(outside, momentum=momentum)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.between(self.conv(self.before(x)))))


class Net(nn.Module):
    """Three blocks and ``extra`` ones, mean over positions, ten classes. No dropout on the image itself."""

    def __init__(
        self, width: int = 8, place: str = "none", q: float = 0.0, momentum: float = 0.1, extra: int = 0
    ) -> None:
        super().__init__()
        self.first = Block(1, width, 1, place if place == "a" else "none", q, momentum)
        self.second = Block(width, 2 * width, 2, place, q, momentum)
        self.third = Block(2 * width, 4 * width, 2, place, q, momentum)
        self.more = nn.Sequential(*(Block(4 * width, 4 * width, 1, place, q, momentum) for _ in range(extra)))
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.more(self.third(self.second(self.first(x)))).mean((2, 3)))


def steps(images: Images, size: int) -> Iterator[Images]:
    """One epoch of full batches in a new order."""
    for rows in torch.randperm(len(images)).split(size):
        if len(rows) == size:
            yield images[rows]


def fit(
    model: nn.Module,
    images: Images,
    epochs: int,
    lr: float = 0.1,
    size: int = 128,
    seed: int = 0,
    after: Callable[[int], None] = lambda _: None,
    until: int | None = None,
) -> nn.Module:
    """SGD with momentum 0.9, the rate falling to nothing on a straight line; ``after`` every epoch.

    ``until`` stops before the last epoch, as if training had been cut short.
    """
    torch.manual_seed(seed)
    for module in model.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    total, step = epochs * (len(images) // size), 0
    for epoch in range(1, (until or epochs) + 1):
        model.train()
        for batch in steps(images, size):
            for group in optimizer.param_groups:
                group["lr"] = lr * (1 - step / total)
            step += 1
            optimizer.zero_grad()
            classes(model(batch.x), batch.y).backward()
            optimizer.step()
        after(epoch)
    return model.eval()


def classes(logits: Tensor, y: Tensor) -> Tensor:
    """Cross entropy; the last axis of the logits holds the classes."""
    return F.cross_entropy(logits.flatten(0, -2), y.flatten())


def pool(model: nn.Module, images: Images, size: int, name: str) -> Pool:
    """All of the images as one of evalcheck's pools."""
    return draw(images.batches(size), model, name, device=torch.device("cpu"), samples=len(images))


def trial(model: nn.Module, held: Images, feed: Images, size: int = 128, seed: int = 0) -> Trial:
    """Evalcheck's trial of the model: ``held`` images judge, ``feed`` gives population statistics.

    As :func:`evalcheck.checkup.trial`, but with all images in the pools instead of 512.
    """
    size = min(size, len(feed))
    return Trial(
        model, pool(model, held, size, "test images"), pool(model, feed, size, "training images"), seed=seed
    )


def recalibrated(judged: Trial) -> Run:
    """Evalcheck's remedy: one pass over the feed, dropout off, every image weighs the same."""
    return remedies.find("recalibrate").run(judged).run


def error(*runs: Run) -> float:
    """Error in per cent, mean over passes."""
    return 100 - 100 * sum(run.mean("accuracy") for run in runs) / len(runs)
