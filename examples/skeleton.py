"""A skeleton action recogniser that is good in train mode and bad in eval mode.

Rebuilt from a question that was really asked: after batch norm came in, accuracy in training rose
and accuracy in evaluation fell by ten points. The popular answers (larger batches, a lower
momentum, more dropout) do not help. Ask for the reason:

    evalcheck examples/skeleton.py:build_model

`python examples/skeleton.py` trains the model again (about ten seconds) and rewrites skeleton.pt.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

ACTIONS, PERSONS, AXES, FRAMES, JOINTS = 8, 2, 3, 16, 12
MOMENTUM = 0.01
WEIGHTS = Path(__file__).with_suffix(".pt")


def skeletons(count: int, seed: int) -> TensorDataset:
    """Moving joints of one or two persons: inputs (count, person, axis, frame, joint), actions (count,).

    Six times in ten nobody else is in the picture: the second person's joints are all zero then.
    """
    world = torch.Generator().manual_seed(7)
    pose = 1.5 * torch.randn(PERSONS, JOINTS, AXES, generator=world)
    speed = torch.randint(1, 5, (ACTIONS, PERSONS, JOINTS), generator=world)
    reach = 0.6 * torch.randn(ACTIONS, PERSONS, JOINTS, AXES, generator=world)

    draw = torch.Generator().manual_seed(seed)
    action = torch.randint(ACTIONS, (count,), generator=draw)
    start = torch.rand(count, 1, 1, 1, generator=draw)
    time = torch.linspace(0, 1, FRAMES)
    swing = torch.sin(2 * math.pi * (speed[action].unsqueeze(-1) * time + start))
    joints = pose.unsqueeze(-1) + reach[action].unsqueeze(-1) * swing.unsqueeze(3)
    joints = joints + 0.7 * torch.randn(joints.shape, generator=draw)
    alone = torch.rand(count, generator=draw) < 0.6
    joints[alone, 1] = 0.0
    return TensorDataset(joints.permute(0, 1, 3, 4, 2).contiguous(), action)


class Block(nn.Module):
    """Convolution over frames and joints, batch norm, ReLU; halves the number of frames."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=(2, 1), padding=1)
        self.norm = nn.BatchNorm2d(channels_out, momentum=MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        self.norm.momentum = MOMENTUM if self.training else 0.0
        return torch.relu(self.norm(self.conv(x)))


class Recogniser(nn.Module):
    """Runs the same blocks over each person, keeps the stronger response, names the action."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(AXES, width), Block(width, width), Block(width, width))
        self.dropout = nn.Dropout2d(0.5)
        self.head = nn.Linear(width, ACTIONS)

    def forward(self, skeletons: Tensor) -> Tensor:
        assert skeletons.abs().max() < 100, "joints should be in body lengths, not in pixels"
        persons = []
        for person in range(PERSONS):
            features = self.blocks(skeletons[:, person])
            persons.append(features.mean(dim=(2, 3)))
        return self.head(self.dropout(torch.maximum(*persons)))


def train_loader() -> DataLoader:
    return DataLoader(skeletons(1280, seed=1), batch_size=64, shuffle=True, drop_last=True)


def eval_loader() -> DataLoader:
    return DataLoader(skeletons(512, seed=2), batch_size=64)


def train(model: nn.Module, epochs: int = 25) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    model.train()
    for _ in range(epochs):
        for inputs, actions in train_loader():
            loss = nn.functional.cross_entropy(model(inputs), actions)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return model


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
