"""The same model and data on every run, also where a factory makes fresh weights."""

from __future__ import annotations

import random

import torch


def plant(seed: int) -> None:
    """Seed what the user's factories may draw from."""
    torch.manual_seed(seed)
    random.seed(seed)
    try:
        import numpy
    except ModuleNotFoundError:
        return
    numpy.random.seed(seed % 2**32)
