"""What the rule says that torch does with each shape is what torch does."""

from __future__ import annotations

import warnings

import pytest
import torch
from torch import Tensor, nn

from evalcheck.graph.channels.channel_dropout import EFFECTS

SHAPE = (12, 10, 5, 4, 3, 2)
LAYERS = {
    "dropout1d": nn.Dropout1d,
    "dropout2d": nn.Dropout2d,
    "dropout3d": nn.Dropout3d,
    "featurealphadropout": nn.FeatureAlphaDropout,
}


def together(layer: nn.Module, rank: int) -> list[int]:
    """The dimensions along which values are kept or dropped together."""
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        output: Tensor = layer(torch.ones(SHAPE[:rank]))
    dropped = output < output.max()
    return [d for d in range(rank) if bool((dropped == dropped.select(d, 0).unsqueeze(d)).all())]


@pytest.mark.parametrize(("operation", "rank"), EFFECTS)
def test_effect_is_as_told(operation: str, rank: int) -> None:
    """Whole samples: everything but the first dimension; positions: but two; single values: none."""
    effect, _ = EFFECTS[operation, rank]
    first = {
        "drops whole samples": 1,
        "drops whole positions": 2,
        "drops whole channels": 2,
        "drops single": rank,
    }
    kept = next(count for words, count in first.items() if effect.startswith(words))
    assert together(LAYERS[operation](0.5), rank) == list(range(kept, rank))


@pytest.mark.parametrize(("operation", "rank"), [("dropout1d", 3), ("dropout2d", 4), ("dropout3d", 5)])
def test_intended_ranks_drop_channels(operation: str, rank: int) -> None:
    """The shapes that the layers were made for."""
    assert together(LAYERS[operation](0.5), rank) == list(range(2, rank))


def test_the_rest_raises() -> None:
    """Shapes that need no rule: torch refuses them."""
    for layer, rank in ((nn.Dropout1d(), 1), (nn.Dropout1d(), 4), (nn.Dropout2d(), 1)):
        with pytest.raises(RuntimeError):
            layer(torch.ones(SHAPE[:rank]))
