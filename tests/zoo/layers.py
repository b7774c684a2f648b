"""Models of torch's own layers that do something particular."""

from __future__ import annotations

import warnings

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.zoo.batches import WIDTH


def attention() -> nn.Module:
    """Torch's encoder, which takes a fused path in eval mode when nobody watches."""
    layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, dropout=0.1, batch_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


class Packed(nn.Module):
    """Sequences of different lengths, packed for an LSTM."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(WIDTH, WIDTH, 2, batch_first=True, dropout=0.1)
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=x.shape[1])
        return self.head(states.sum(1))


class Standardised(nn.Conv2d):
    """A convolution whose weights are standardised by batch norm's function."""

    def forward(self, x: Tensor) -> Tensor:
        rows = self.weight.reshape(1, len(self.weight), -1)
        weight = F.batch_norm(rows, None, None, training=True, momentum=0.0).reshape_as(self.weight)
        return self._conv_forward(x, weight, self.bias)


def standardised() -> nn.Module:
    """Weight standardisation before a group norm."""
    return nn.Sequential(
        Standardised(3, 4, 3), nn.GroupNorm(2, 4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)
    )


def reparametrised() -> nn.Module:
    """The old forms of weight norm and spectral norm, which write their weights before each forward."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = nn.utils.weight_norm(nn.Linear(WIDTH, WIDTH))
    second = nn.utils.spectral_norm(nn.Linear(WIDTH, WIDTH), n_power_iterations=15)
    model = nn.Sequential(first, nn.ReLU(), second)
    for _ in range(3):
        model(torch.randn(4, WIDTH))
    return model
