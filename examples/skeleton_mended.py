"""skeleton.py put right: every person has batch norms of its own, and forward leaves them alone.

evalcheck examples/skeleton_mended.py:build_model
"""

from pathlib import Path

import torch
from skeleton import ACTIONS, AXES, PERSONS, eval_loader, train, train_loader
from torch import Tensor, nn

__all__ = ["build_model", "eval_loader", "train_loader"]

WEIGHTS = Path(__file__).with_suffix(".pt")


class Block(nn.Module):
    """One convolution for all persons, one batch norm for each."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=(2, 1), padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels_out) for _ in range(PERSONS))

    def forward(self, x: Tensor, person: int) -> Tensor:
        return torch.relu(self.norms[person](self.conv(x)))


class Recogniser(nn.Module):
    """Runs the same blocks over each person, keeps the stronger response, names the action."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(AXES, width), Block(width, width), Block(width, width)])
        self.dropout = nn.Dropout(0.5)
        self.head = nn.Linear(width, ACTIONS)

    def forward(self, skeletons: Tensor) -> Tensor:
        assert skeletons.abs().max() < 100, "joints should be in body lengths, not in pixels"
        persons = []
        for person in range(PERSONS):
            features = skeletons[:, person]
            for block in self.blocks:
                features = block(features, person)
            persons.append(features.mean(dim=(2, 3)))
        return self.head(self.dropout(torch.maximum(*persons)))


def build_model() -> nn.Module:
    """The trained model: from its weights file, or trained now."""
    torch.manual_seed(2)
    model = Recogniser()
    if WEIGHTS.exists():
        model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    else:
        train(model)
    return model


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
