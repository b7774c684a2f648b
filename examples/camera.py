"""A classifier that was trained with one camera and is evaluated with another: bad in eval mode only.

The new camera's pictures are paler: the same things at less contrast, and brighter. In train mode each batch
is normalised with its own mean and spread, and nothing shows; in eval mode the batch norms expect
the old camera. ImageNet at low contrast does this to a ResNet-50 (arXiv 2105.07576, table 4), and
so does a normalisation that only the training images get. Ask for the reason:

    evalcheck examples/camera.py:build_model

`python examples/camera.py` trains the model again (about five seconds) and rewrites camera.pt.
"""

import math
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

MATERIALS, SIZE = 10, 16
WEIGHTS = Path(__file__).with_suffix(".pt")


def pictures(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Stripes in ten directions: grey values 0 to 1 (count, 1, SIZE, SIZE), which direction (count,)."""
    draw = torch.Generator().manual_seed(seed)
    material = torch.randint(MATERIALS, (count,), generator=draw)
    angle = (math.pi * material / MATERIALS).view(-1, 1, 1, 1)
    phase = torch.rand(count, 1, 1, 1, generator=draw)
    width = 3 + 2 * torch.rand(count, 1, 1, 1, generator=draw)
    y, x = torch.arange(SIZE).view(-1, 1), torch.arange(SIZE)
    stripes = torch.sin(2 * math.pi * ((x * angle.cos() + y * angle.sin()) / width + phase))
    noise = torch.randn(stripes.shape, generator=draw)
    return (0.4 + 0.15 * stripes + 0.1 * noise).clamp(0, 1), material


def old_camera(scene: Tensor) -> Tensor:
    return scene


def new_camera(scene: Tensor) -> Tensor:
    """Less contrast, and brighter."""
    return 0.4 * scene + 0.5


def train_loader() -> DataLoader:
    scene, material = pictures(1280, seed=1)
    return DataLoader(TensorDataset(old_camera(scene), material), batch_size=64, shuffle=True)


def eval_loader() -> DataLoader:
    scene, material = pictures(512, seed=2)
    return DataLoader(TensorDataset(new_camera(scene), material), batch_size=64)


def block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(channels_in, channels_out, kernel_size=3, stride=stride, padding=1)
    return nn.Sequential(conv, nn.BatchNorm2d(channels_out), nn.ReLU())


def classifier(width: int = 16) -> nn.Sequential:
    blocks = [block(1, width), block(width, width, stride=2), block(width, width)]
    return nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, MATERIALS))


def train(model: nn.Module, loader: DataLoader, epochs: int = 8) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for picture, material in loader:
            loss = nn.functional.cross_entropy(model(picture), material)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model


def build_model() -> nn.Module:
    """The trained model: from its weights file, or trained now."""
    torch.manual_seed(2)
    model = classifier()
    if WEIGHTS.exists():
        model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    else:
        train(model, train_loader())
    return model


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
