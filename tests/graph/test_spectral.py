"""The largest singular value of a weight in eval mode, against torch's own singular values."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import spectral_norm as hooked

from evalcheck.graph import read
from evalcheck.graph.state import spectral


@pytest.mark.parametrize("normed", [hooked, parametrizations.spectral_norm])
@pytest.mark.parametrize(
    "layer", [nn.Linear(24, 40), nn.Conv2d(4, 40, 3), nn.ConvTranspose2d(24, 4, 3)], ids=["fc", "conv", "up"]
)
def test_sigma_is_that_of_the_weight_in_eval_mode(normed: object, layer: nn.Module) -> None:
    """For layers and transposed ones, of both interfaces."""
    torch.manual_seed(0)
    module = normed(copy.deepcopy(layer)).eval()  # type: ignore[operator]
    x = torch.randn(2, 24) if isinstance(layer, nn.Linear) else torch.randn(2, layer.in_channels, 8, 8)
    module(x)
    weight = module.weight.detach().double()
    dim = 1 if isinstance(layer, nn.ConvTranspose2d) else 0
    expected = float(torch.linalg.matrix_norm(weight.movedim(dim, 0).flatten(1), ord=2))
    (found,) = spectral.of(read(nn.Sequential(module), None))
    assert found.view.path == "0"
    assert found.sigma == pytest.approx(expected, rel=1e-4)
    assert found.exact
    assert found.unit


def test_vectors_as_drawn_and_iterated() -> None:
    """One forward in train mode fits them; a weight of one row cannot tell at first."""
    torch.manual_seed(0)
    model = nn.Sequential(hooked(nn.Linear(32, 48)), hooked(nn.Linear(48, 1)), hooked(nn.Linear(1, 3)))
    assert [norm.iterated for norm in spectral.of(read(model, None))] == [False, False, None]
    for _ in range(3):
        model(torch.randn(2, 32))
    assert [norm.iterated for norm in spectral.of(read(model, None))] == [True, True, None]


def test_large_weights_are_bounded_from_below() -> None:
    """Power iteration says at least so much, and is near for a weight with a leading direction."""
    torch.manual_seed(0)
    layer = hooked(nn.Linear(spectral.EXACT + 1, spectral.EXACT + 1, bias=False))
    with torch.no_grad():
        layer.weight_orig += torch.outer(torch.randn(spectral.EXACT + 1), torch.randn(spectral.EXACT + 1))
    (found,) = spectral.of(read(layer, None))
    estimate = float(layer.weight_u @ layer.weight_orig.detach() @ layer.weight_v)
    true = float(torch.linalg.matrix_norm(layer.weight_orig.detach(), ord=2)) / abs(estimate)
    assert not found.exact
    assert found.shown.startswith("at least ")
    assert found.sigma == pytest.approx(true, rel=1e-3)


def test_no_randomness_is_drawn() -> None:
    """Whoever asks leaves the generator where it was."""
    layer = hooked(nn.Linear(spectral.EXACT + 8, spectral.EXACT + 8))
    graph = read(layer, None)
    before = torch.get_rng_state()
    list(spectral.of(graph))
    assert torch.equal(before, torch.get_rng_state())


def test_what_has_no_values_is_passed_by() -> None:
    """Weights on the meta device, one-dimensional weights, weights that are not finite."""
    assert list(spectral.of(read(hooked(nn.Linear(8, 8)).to("meta"), None))) == []
    assert list(spectral.of(read(parametrizations.spectral_norm(nn.LayerNorm(8)), None))) == []
    broken = hooked(nn.Linear(24, 24))
    with torch.no_grad():
        broken.weight_orig[0, 0] = float("nan")
    (found,) = spectral.of(read(broken, None))
    assert found.sigma != found.sigma
