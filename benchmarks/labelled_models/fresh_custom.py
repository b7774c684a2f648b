"""Modules of one's own with another mean in training than in eval mode, in the fresh part."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from labelled_models import data, fresh_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import on_chirps, on_clouds, on_digits, rows_of

custom = partial(case, "custom", rules=("expectation-shift",), half="fresh")


class Twice(nn.Module):
    """Dropout that scales in training, and once more in eval mode."""

    def forward(self, x: Tensor) -> Tensor:
        keep = 0.6
        return x * (torch.rand_like(x) < keep) / keep if self.training else x * keep


@custom("neck")
def dropout_scaled_twice() -> Trained:
    model = fresh_nets.Temporal()
    model.neck = Twice()
    return on_chirps(model)


class Coarse(nn.Module):
    """Rounds to four values in eval mode alone, as a quantised deployment would."""

    def forward(self, x: Tensor) -> Tensor:
        return x if self.training else (x.clamp(0, 4.5) / 1.5).round() * 1.5


@custom("pooled")
def quantised_in_eval_only() -> Trained:
    model = fresh_nets.Points()
    model.pooled = Coarse()
    return on_clouds(model)


class Chosen(nn.Module):
    """A soft choice among rows in training, the best row alone in eval mode."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.score = nn.Linear(width, 1)

    def forward(self, x: Tensor) -> Tensor:
        score = self.score(x)
        weights = score.softmax(1) if self.training else score == score.amax(1, keepdim=True)
        return (x * weights).sum(1, keepdim=True)


@custom("mixing.2")
def a_soft_choice_that_hardens() -> Trained:
    model = fresh_nets.Mixer()
    model.mixing.append(Chosen(24))
    return on_digits(model, view=rows_of)


class Centred(nn.Module):
    """Takes the batch's mean away in training; eval mode has none to take."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(0) if self.training else x


@custom("2")
def centred_in_training_only() -> Trained:
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), Centred(), nn.Linear(64, 48), nn.LayerNorm(48))
    return on_digits(model.append(nn.ReLU()).append(nn.Linear(48, 10)), view=data.flat)
