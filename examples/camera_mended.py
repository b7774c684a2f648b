"""camera.py put right: every picture is brought to mean 0 and spread 1, for training and evaluation alike.

evalcheck examples/camera_mended.py:build_model
"""

from pathlib import Path

import torch
from camera import classifier, new_camera, old_camera, pictures, train
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

WEIGHTS = Path(__file__).with_suffix(".pt")


def standardised(picture: Tensor) -> Tensor:
    """Each picture with its own mean and spread taken out, so that no camera's contrast is left in it."""
    mean, spread = picture.mean((1, 2, 3), keepdim=True), picture.std((1, 2, 3), keepdim=True)
    return (picture - mean) / spread.clamp(min=1e-3)


def train_loader() -> DataLoader:
    scene, material = pictures(1280, seed=1)
    return DataLoader(TensorDataset(standardised(old_camera(scene)), material), batch_size=64, shuffle=True)


def eval_loader() -> DataLoader:
    scene, material = pictures(512, seed=2)
    return DataLoader(TensorDataset(standardised(new_camera(scene)), material), batch_size=64)


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
