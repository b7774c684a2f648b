"""Whether a model was trained or loaded, as far as its norms can tell."""

from __future__ import annotations

import torch
from torch import nn

from evalcheck.graph import read
from evalcheck.graph.module_view import ModuleView


def fresh(model: nn.Module) -> bool | None:
    return read(model, None).fresh


def test_new_models_are_fresh() -> None:
    """Also with zero-initialised scales, and with scales drawn at random around one."""
    assert fresh(nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4))) is True
    zero = nn.Sequential(nn.BatchNorm1d(4), nn.LayerNorm(4), nn.BatchNorm1d(4))
    nn.init.zeros_(zero[2].weight)
    assert fresh(zero) is True
    drawn = nn.Sequential(nn.BatchNorm1d(4))
    nn.init.normal_(drawn[0].weight, 1.0, 0.02)
    assert fresh(drawn) is True


def test_one_step_of_training_ends_it() -> None:
    """An optimiser step spreads the shifts."""
    model = nn.Sequential(nn.Linear(2, 4), nn.LayerNorm(4), nn.Linear(4, 1))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    (model(torch.randn(8, 2)) ** 2).sum().backward()
    optimizer.step()
    assert fresh(model) is False


def test_moved_statistics_end_it() -> None:
    """A forward in train mode, even one whose counter was lost."""
    model = nn.Sequential(nn.BatchNorm1d(4, affine=False))
    model(torch.randn(8, 4))
    assert fresh(model) is False
    model[0].num_batches_tracked.zero_()
    assert fresh(model) is False


def test_nothing_to_tell_by_is_unknown() -> None:
    """No norm, or norms without scale, shift and moved statistics."""
    assert fresh(nn.Sequential(nn.Linear(2, 2))) is None
    assert fresh(nn.Sequential(nn.BatchNorm1d(4, affine=False))) is None
    assert fresh(nn.Sequential(nn.InstanceNorm1d(4))) is None


def test_shifts_drawn_at_random_are_no_training() -> None:
    """RepVGG draws them; a bias that is still constant elsewhere gives it away."""
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2))
    nn.init.normal_(model[0].bias, 0, 0.1)
    assert fresh(model) is False
    nn.init.zeros_(model[1].bias)
    assert fresh(model) is None
    model[0](torch.randn(8, 4))
    assert fresh(model) is False


def test_scale_counts_where_there_is_no_shift() -> None:
    """RMSNorm has a scale only."""
    model = nn.Sequential(nn.RMSNorm(4))
    assert fresh(model) is True
    model[0].weight.data[0] = 1.5
    assert fresh(model) is False


def test_facts_of_a_norm() -> None:
    """Statistics, counter, momentum and kind, as rules ask for them."""
    norm = nn.BatchNorm2d(3, momentum=None)
    view = ModuleView("norm", norm)
    assert (view.kind, view.class_name, view.momentum, view.batches, view.tracks) == (
        "batchnorm",
        "BatchNorm2d",
        None,
        0,
        True,
    )
    assert view.statistics_at_start
    assert ModuleView("", nn.BatchNorm2d(3, track_running_stats=False)).statistics is None
    assert ModuleView("", nn.LazyBatchNorm1d()).statistics is None
    assert ModuleView("", nn.LazyBatchNorm1d()).affine_at_start is True
    assert [
        ModuleView("", m).kind for m in (nn.InstanceNorm1d(2), nn.GroupNorm(1, 2), nn.Dropout2d(), nn.ReLU())
    ] == [
        "instancenorm",
        "othernorm",
        "dropout",
        "other",
    ]
