"""cells.py put right: the one dropout stands behind the last batch norm, in front of the head.

evalcheck examples/cells_mended.py:build_model
"""

from pathlib import Path

import torch
from cells import COUNTS, DROPOUT, eval_loader, train, train_loader
from torch import nn

__all__ = ["build_model", "eval_loader", "train_loader"]

WEIGHTS = Path(__file__).with_suffix(".pt")


def block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU())


def counter(width: int = 16) -> nn.Sequential:
    first = nn.Sequential(nn.Conv2d(1, width, kernel_size=3, padding=1), nn.ReLU())
    blocks = [block(width, width), block(width, width, stride=2), block(width, width)]
    head = [nn.Dropout(DROPOUT), nn.Linear(width, len(COUNTS))]
    return nn.Sequential(first, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), *head)


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
