"""The closed form against masks that are really drawn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck.probe.statistics.dropout_shift import predicted

ROUNDS = 400


def measured(layers, x):
    """Variance that the masks add, by channel: E over data of Var over masks, Monte Carlo."""
    with torch.no_grad():
        many = torch.stack([layers.train()(x) for _ in range(ROUNDS)])
    return many.var(0).transpose(0, 1).flatten(1).mean(1)


def foretold(layers, norm, x):
    model = nn.Sequential(layers, norm).eval()
    with torch.no_grad():
        return predicted(model, {"1": norm}, lambda: model(x)).get("1")


def case(name):
    torch.manual_seed(0)
    image = torch.randn(24, 6, 5, 5) + torch.linspace(-1, 2, 6).view(1, 6, 1, 1)
    row = (torch.randn(64, 12) + 0.7).relu()
    return {
        "directly": (nn.Sequential(nn.Dropout(0.4)), nn.BatchNorm1d(12), row),
        "linear": (nn.Sequential(nn.Dropout(0.3), nn.Linear(12, 5)), nn.BatchNorm1d(5), row),
        "convolution": (
            nn.Sequential(nn.Dropout(0.5), nn.Conv2d(6, 4, 3, padding=1)),
            nn.BatchNorm2d(4),
            image,
        ),
        "strided groups": (
            nn.Sequential(nn.Dropout(0.2), nn.Conv2d(6, 4, 3, stride=2, groups=2, bias=False)),
            nn.BatchNorm2d(4),
            image,
        ),
        "channels": (nn.Sequential(nn.Dropout2d(0.3), nn.Conv2d(6, 4, 3)), nn.BatchNorm2d(4), image),
        "channels directly": (nn.Sequential(nn.Dropout2d(0.3)), nn.BatchNorm2d(6), image),
        "flattened": (
            nn.Sequential(nn.Dropout(0.3), nn.Flatten(), nn.Linear(150, 5)),
            nn.BatchNorm1d(5),
            image,
        ),
    }[name]


@pytest.mark.parametrize(
    "name",
    ["directly", "linear", "convolution", "strided groups", "channels", "channels directly", "flattened"],
)
def test_the_closed_form_is_what_masks_do(name):
    """Law of total variance: q / (1 - q) * sum w^2 E[x^2], without assumptions on the inputs."""
    layers, norm, x = case(name)
    found = foretold(layers, norm, x)
    assert torch.allclose(found.added, measured(layers, x), rtol=0.15)
    assert found.dropout == "0.0"


@pytest.mark.parametrize(
    "between", [nn.Sigmoid(), nn.Hardtanh(-0.5, 0.5), nn.Sequential(nn.Linear(12, 12), nn.Tanh())]
)
def test_what_is_not_a_weighted_layer_is_not_predicted(between):
    """Better no number than a wrong one."""
    layers = nn.Sequential(nn.Dropout(0.3), between)
    assert foretold(layers, nn.BatchNorm1d(12), torch.randn(16, 12)) is None


def test_what_goes_round_the_dropout_is_not_dropped():
    """In eval mode dropout hands on its input itself: the way beside it holds the same tensor."""

    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.layer, self.norm = nn.Dropout(0.5), nn.Linear(6, 6), nn.BatchNorm1d(6)

        def forward(self, x):
            return self.norm(self.layer(x)), self.drop(x)

    model = Beside().eval()
    with torch.no_grad():
        assert not predicted(model, {"norm": model.norm}, lambda: model(torch.randn(8, 6)))


def test_a_value_that_was_written_over_is_not_followed():
    """An activation in place after the dropout makes another value of it."""
    layers = nn.Sequential(nn.Dropout(0.3), nn.Hardswish(inplace=True))
    assert foretold(layers, nn.BatchNorm1d(12), torch.randn(16, 12)) is None


def test_a_subclass_with_a_forward_of_its_own_is_not_trusted():
    """What it makes of its weight is not known."""

    class Scaled(nn.Linear):
        def forward(self, x):
            return super().forward(3 * x)

    layers = nn.Sequential(nn.Dropout(0.3), Scaled(12, 5))
    assert foretold(layers, nn.BatchNorm1d(5), torch.randn(16, 12)) is None


def test_hooks_are_removed_when_the_forward_raises():
    """Nothing stays on the modules."""
    model = nn.Sequential(nn.Dropout(0.3), nn.Linear(4, 4), nn.BatchNorm1d(4)).eval()
    with pytest.raises(RuntimeError):
        predicted(model, {"2": model[2]}, lambda: model(torch.randn(8, 5)))
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
