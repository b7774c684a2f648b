"""The batches of the sample: another seed gives other values of the same shapes."""

from __future__ import annotations

from typing import Any

import torch

WIDTH = 8


def flat(generator: torch.Generator) -> Any:
    """Six rows of eight."""
    return torch.randn(6, WIDTH, generator=generator)


def pictures(generator: torch.Generator) -> Any:
    """Four pictures of eight by eight."""
    return torch.randn(4, 3, 8, 8, generator=generator)


def sequences(generator: torch.Generator) -> Any:
    """Four sequences of five steps."""
    return torch.randn(4, 5, WIDTH, generator=generator)


def nested(generator: torch.Generator) -> Any:
    # A loader's batch would be bound to the keywords of forward, and this one takes the dictionary whole.
    return {"batch": {"x": sequences(generator), "mask": torch.ones(4, 5)}}


def packed(generator: torch.Generator) -> Any:
    return {"x": sequences(generator), "lengths": torch.tensor([5, 3, 4, 2])}


def words(generator: torch.Generator) -> Any:
    return {"ids": torch.randint(0, 20, (4, 5), generator=generator), "mask": torch.ones(4, 5)}
