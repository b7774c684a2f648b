"""Evaluation data unlike the training data, in the fresh part."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from labelled_models import fresh_nets, frozen_data, frozen_nets
from labelled_models.case import Trained, case
from labelled_models.fresh_data import chirps, clouds, friedman, on_chirps, on_clouds, on_friedman
from labelled_models.frozen_data import Rows, held, mixed
from labelled_models.training import fit

domain = partial(
    case,
    "domain",
    rules=("domain-shift-statistics", "preprocessing-mismatch", "train-eval-divergence"),
    half="fresh",
)


def _with(made: Trained, shifted: Rows) -> Trained:
    return Trained(made.model, held(shifted), made.training, clean=made.evaluation)


@domain("lift_norm")
def clouds_off_their_centre() -> Trained:
    """The centring of clouds was left out."""
    points, kinds = clouds(500, 12)
    moved = points + torch.tensor([0.8, -0.3, 0.5])[:, None]
    return _with(on_clouds(fresh_nets.Points()), (moved, kinds))


@domain("levels.0.norm")
def a_hum_on_the_wire() -> Trained:
    """A constant current and a hum, in both channels alike."""
    series, kinds = chirps(500, 14)
    hum = 0.15 + 0.3 * torch.sin(torch.arange(48) * 1.3)
    return _with(on_chirps(fresh_nets.Temporal()), (series + hum, kinds))


@domain("1")
def one_column_in_other_units() -> Trained:
    """The fourth of eight columns in units with another zero."""
    rows, target = friedman(500, 16)
    shifted = rows.clone()
    shifted[:, 3] = 1.4 * shifted[:, 3] + 0.8
    return _with(on_friedman(fresh_nets.perceptron(8, 48, 48, 1)), (shifted, target))


def _unknown(tokens: Tensor) -> Tensor:
    return torch.where(tokens > 2, 11, tokens)


@domain("before.inner")
def words_unknown_to_the_vocabulary() -> Trained:
    """The words beside the three that count: eight in training, a single unseen one in evaluation."""

    def rarely(rows: Rows) -> Rows:
        return torch.where(rows[0] > 2, (rows[0] * 7 + torch.arange(12)) % 8 + 3, rows[0]), rows[1]

    loader = mixed(rarely(frozen_data.tokens(1024, 5)), 32)
    model = fit(frozen_nets.Encoder(frozen_nets.TokenNorm), loader, 8, rate=0.005)
    clean = rarely(frozen_data.tokens(500, 6))
    return Trained(model, held((_unknown(clean[0]), clean[1])), loader, clean=held(clean))
