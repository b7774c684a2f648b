"""Observers that learn from activations in eval mode."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.ao import quantization

from evalcheck.graph import read
from evalcheck.graph.state import observers


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


def _prepared(training: bool) -> nn.Module:
    model = Net().train(training)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.qconfig = (  # type: ignore[assignment]
            quantization.get_default_qat_qconfig("fbgemm")
            if training
            else quantization.get_default_qconfig("fbgemm")
        )
        (quantization.prepare_qat if training else quantization.prepare)(model, inplace=True)
    return model


def _found(model: nn.Module) -> list[observers.Observer]:
    return list(observers.recording(read(model, None)))


def test_quantisation_aware_training() -> None:
    """Fake quantisation of activations, until its observers are switched off; weights do not count."""
    model = _prepared(training=True)
    found = _found(model)
    assert found
    assert all(one.simulating and not one.seen for one in found)
    assert not any("weight_fake_quant" in one.view.path for one in found)
    model(torch.randn(2, 3, 8, 8))
    assert all(one.seen for one in _found(model))
    model.apply(quantization.disable_observer)
    assert _found(model) == []


def test_calibration() -> None:
    """Observers before conversion; none after it."""
    model = _prepared(training=False)
    assert all(not one.simulating and not one.seen for one in _found(model))
    model(torch.randn(2, 3, 8, 8))
    assert _found(model)
    assert all(one.seen for one in _found(model))
