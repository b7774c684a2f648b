"""Healthy models on the usual norms and dropout."""

from __future__ import annotations

from functools import partial

from torch import nn
from torch.nn import functional as F

from labelled_models import data, nets
from labelled_models.case import HEALTHY, Trained, case
from labelled_models.training import fit


def _digits(model: nn.Module, size: int, epochs: int, view: data.Change = data.unchanged) -> Trained:
    loader = data.training(size, view)
    return Trained(fit(model, loader, epochs), data.evaluation(view), loader)


@case(HEALTHY)
def dropout_without_norms() -> Trained:
    return _digits(nets.mlp(norm=None, rate=0.5, inner=0.5), 64, 12, data.flat)


@case(HEALTHY)
def dropout_in_front_of_the_head() -> Trained:
    return _digits(nets.cnn(rate=0.5), 32, 14)


@case(HEALTHY)
def batches_of_16() -> Trained:
    return _digits(nets.cnn(), 16, 10)


@case(HEALTHY)
def batches_of_32() -> Trained:
    return _digits(nets.mlp(depth=3, rate=0.3), 32, 12, data.flat)


@case(HEALTHY)
def batches_of_128() -> Trained:
    return _digits(nets.residual_cnn(depth=4), 128, 20)


@case(HEALTHY)
def deep_perceptron_on_batches_of_16() -> Trained:
    """The noise of small batches adds up over four norms, and stays the noise of batches of 16."""
    return _digits(nets.mlp(depth=4), 16, 10, data.flat)


@case(HEALTHY)
def few_held_samples() -> Trained:
    """A hundred images to judge by: their statistics are off by chance, not by another domain."""
    _, _, images, classes = data.digits()
    made = _digits(nets.cnn(), 64, 16)
    return Trained(made.model, data.batches(images[:100], classes[:100], 50, shuffle=False), made.training)


@case(HEALTHY)
def spectral_norm_and_batch_norm() -> Trained:
    model = nets.mlp()
    for hidden in model.blocks:
        hidden.linear = nn.utils.parametrizations.spectral_norm(hidden.linear)
    return _digits(model, 64, 12, data.flat)


@case(HEALTHY)
def bessel_s_factor() -> Trained:
    """Sixteen values per channel: the running variance is 16/15 of the batches'."""
    return _digits(nets.mlp(depth=1), 16, 8, data.flat)


@case(HEALTHY)
def group_norm_with_channel_dropout() -> Trained:
    blocks = [
        nets.block(1, 12, norm=partial(nn.GroupNorm, 3), last=nn.MaxPool2d(2)),
        nets.block(12, 24, norm=partial(nn.GroupNorm, 4), first=nn.Dropout2d(0.1)),
    ]
    return _digits(nets.Classifier(blocks, 24, rate=0.2), 32, 20)


@case(HEALTHY)
def layer_norm_with_dropout() -> Trained:
    return _digits(nets.mlp(depth=3, norm=nn.LayerNorm, rate=0.2, inner=0.2), 64, 10, data.flat)


@case(HEALTHY)
def transformer_at_a_tenth() -> Trained:
    return _digits(nets.Transformer(0.1), 32, 8, data.rows_as_steps)


@case(HEALTHY)
def transformer_at_a_fifth() -> Trained:
    return _digits(nets.Transformer(0.2), 32, 8, data.rows_as_steps)


@case(HEALTHY)
def lstm_with_dropout() -> Trained:
    return _digits(nets.Recurrent(nn.LSTM, 0.3), 32, 8, data.rows_as_steps)


def _diabetes(model: nn.Module, size: int, epochs: int) -> Trained:
    inputs, targets, held, truth = data.diabetes()
    loader = data.batches(inputs, targets, size, shuffle=True)
    fit(model, loader, epochs, rate=0.003, loss=F.mse_loss)
    return Trained(model, data.batches(held, truth, 50, shuffle=False), loader)


@case(HEALTHY)
def regression_with_batch_norm() -> Trained:
    return _diabetes(nets.mlp(24, 2, inputs=10, outputs=1), 32, 20)


class Sequence(nn.Module):
    """Columns of numbers as a sequence: a GRU and a linear head on its last state."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.memory = nn.GRU(1, 24, num_layers=2, dropout=rate, batch_first=True)
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        return self.head(self.memory(x[:, :, None])[0][:, -1])


@case(HEALTHY)
def gru_regression() -> Trained:
    return _diabetes(Sequence(0.2), 32, 15)
