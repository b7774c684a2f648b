"""A listener for sounds whose averaged weights are good in train mode and bad in eval mode.

Stochastic weight averaging: after a few epochs the mean of the weights is kept, which should be
better than each of them. People report that it is far worse. torch's AveragedModel takes the mean
of the weights, and the statistics of the batch norms from the newest model; those of the mean were
never measured. Ask for the reason:

    evalcheck examples/sounds.py:build_model

`python examples/sounds.py` trains the model again (about five seconds) and rewrites sounds.pt.
"""

import math
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, TensorDataset

SOUNDS, LENGTH = 10, 128
WEIGHTS = Path(__file__).with_suffix(".pt")


def sounds(count: int, seed: int) -> TensorDataset:
    """Two tones and noise: waves (count, 1, LENGTH), which of the ten pairs of tones it was (count,)."""
    draw = torch.Generator().manual_seed(seed)
    sound = torch.randint(SOUNDS, (count,), generator=draw)
    low, high = 3 + sound // 2, 12 + 3 * (sound % 5)
    time = torch.linspace(0, 1, LENGTH)
    waves = torch.zeros(count, LENGTH)
    for tone in (low, high):
        phase = torch.rand(count, 1, generator=draw)
        loudness = 0.5 + torch.rand(count, 1, generator=draw)
        waves += loudness * torch.sin(2 * math.pi * (tone[:, None] * time + phase))
    waves += 0.5 * torch.randn(count, LENGTH, generator=draw)
    return TensorDataset(waves[:, None], sound)


def block(channels_in: int, channels_out: int) -> nn.Sequential:
    """Convolution over time, batch norm, ReLU; halves the length."""
    conv = nn.Conv1d(channels_in, channels_out, kernel_size=7, stride=2, padding=3, bias=False)
    return nn.Sequential(conv, nn.BatchNorm1d(channels_out), nn.ReLU())


def listener() -> nn.Sequential:
    blocks = [block(1, 16), block(16, 24), block(24, 32)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(32, SOUNDS))


def train_loader() -> DataLoader:
    return DataLoader(sounds(1280, seed=1), batch_size=64, shuffle=True)


def eval_loader() -> DataLoader:
    return DataLoader(sounds(512, seed=2), batch_size=64)


def train(model: nn.Module, cycles: int = 4, epochs: int = 6) -> AveragedModel:
    """Trains ``model`` in cycles of a falling learning rate; the mean of the weights at their ends."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, weight_decay=0.02)
    average = AveragedModel(model)
    loader = train_loader()
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, epochs * len(loader))
    model.train()
    for epoch in range(1, cycles * epochs + 1):
        for waves, sound in loader:
            loss = nn.functional.cross_entropy(model(waves), sound)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        if epoch % epochs == 0:
            average.update_parameters(model)
    return average


def build_model() -> nn.Module:
    """The averaged model: from its weights file, or trained now."""
    torch.manual_seed(2)
    if WEIGHTS.exists():
        average = AveragedModel(listener())
        average.load_state_dict(torch.load(WEIGHTS, weights_only=True))
        return average
    return train(listener())


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
