"""sounds.py put right: the batch norms' statistics are measured under the averaged weights.

evalcheck examples/sounds_mended.py:build_model
"""

from pathlib import Path

import sounds
import torch
from sounds import eval_loader, listener, train_loader
from torch import nn
from torch.optim.swa_utils import AveragedModel, update_bn

__all__ = ["build_model", "eval_loader", "train_loader"]

WEIGHTS = Path(__file__).with_suffix(".pt")


def build_model() -> nn.Module:
    """The averaged model: from its weights file, or of the weights that sounds.py keeps."""
    if WEIGHTS.exists():
        average = AveragedModel(listener())
        average.load_state_dict(torch.load(WEIGHTS, weights_only=True))
        return average
    average = sounds.build_model()
    update_bn(train_loader(), average)
    return average


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
