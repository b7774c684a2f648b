"""A counter of cells with dropout in front of its batch norms: good in train mode, bad in eval mode.

Accuracy on the very pictures that it was trained on falls when eval() is called. More dropout, the
usual advice where a model does badly on the test, makes it worse. Li et al. (arXiv 1801.05134) found
why, on the well known residual networks. Ask for the reason:

    evalcheck examples/cells.py:build_model

`python examples/cells.py` trains the model again (about ten seconds) and rewrites cells.pt.
"""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

SIZE, COUNTS, DROPOUT = 16, (3, 6, 9, 12, 15), 0.5
WEIGHTS = Path(__file__).with_suffix(".pt")


def pictures(count: int, seed: int) -> TensorDataset:
    """Cells in noise: pictures (count, 1, SIZE, SIZE), the place in COUNTS of how many there are (count,)."""
    draw = torch.Generator().manual_seed(seed)
    number = torch.randint(len(COUNTS), (count,), generator=draw)
    places = torch.rand(count, SIZE * SIZE, generator=draw).argsort(1)
    centres = (places < torch.tensor(COUNTS)[number, None]).float().view(count, 1, SIZE, SIZE)
    cell = torch.tensor([[0.5, 0.7, 0.5], [0.7, 1.0, 0.7], [0.5, 0.7, 0.5]]).view(1, 1, 3, 3)
    cells = F.conv2d(centres, cell, padding=1)
    return TensorDataset(cells + 0.2 * torch.randn(cells.shape, generator=draw), number)


def block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Dropout, convolution, batch norm, ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1)
    return nn.Sequential(nn.Dropout(DROPOUT), conv, nn.BatchNorm2d(channels_out), nn.ReLU())


def counter(width: int = 16) -> nn.Sequential:
    first = nn.Sequential(nn.Conv2d(1, width, kernel_size=3, padding=1), nn.ReLU())
    blocks = [block(width, width), block(width, width, stride=2), block(width, width)]
    return nn.Sequential(first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, len(COUNTS)))


def train_loader() -> DataLoader:
    return DataLoader(pictures(1280, seed=1), batch_size=64, shuffle=True)


def eval_loader() -> DataLoader:
    return DataLoader(pictures(512, seed=2), batch_size=64)


def train(model: nn.Module, epochs: int = 16) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = train_loader()
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for picture, number in loader:
            loss = F.cross_entropy(model(picture), number)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model


def build_model() -> nn.Module:
    """The trained model: from its weights file, or trained now."""
    torch.manual_seed(2)
    model = counter()
    if WEIGHTS.exists():
        model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    else:
        train(model)
    return model


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
