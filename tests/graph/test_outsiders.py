"""What is made in a forward is a fault only where something of its own is lost."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tests.graph.test_checks import asked


class Composed(nn.Module):
    """Layers of its own, called through a container that ``compose`` makes in every forward."""

    def __init__(self, compose: Callable[[nn.Sequential], nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.ReLU())
        self.compose = compose

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.compose(self.layers)(x)
        return out


class Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.inner(x)
        return out


class Augmented(Residual):
    def forward(self, x: Tensor) -> Tensor:
        return x + 1 if self.training else x


@pytest.mark.parametrize(
    "compose",
    [
        lambda layers: layers[:-1],
        lambda layers: nn.Sequential(*layers, nn.Sigmoid()),
        lambda layers: nn.ModuleList(layers)[0],
        lambda layers: Residual(layers),
        lambda layers: copy.deepcopy(layers),
        lambda layers: nn.Sequential(copy.deepcopy(layers[0]), *layers[1:]),
    ],
)
def test_new_container_of_registered_modules_is_silent(
    compose: Callable[[nn.Sequential], nn.Module],
) -> None:
    """Its own mode is asked by nobody, and what it holds the model reaches; a copy has its original's."""
    assert asked(Composed(compose), torch.randn(8, 4), "unregistered-submodule") == ((), [])


@pytest.mark.parametrize(
    "compose",
    [
        lambda layers: nn.Sequential(*layers, nn.Dropout(0.5)),
        lambda layers: nn.Sequential(nn.Sequential(*layers, nn.BatchNorm1d(4))),
        lambda layers: nn.Sequential(*layers, nn.Linear(4, 4)),
        lambda layers: nn.Sequential(*layers, nn.Linear(4, 4)).eval(),
        lambda layers: copy.deepcopy(layers).train(),
        lambda layers: Augmented(layers),
    ],
)
def test_new_module_in_a_new_container_is_found(compose: Callable[[nn.Sequential], nn.Module]) -> None:
    """Dropout, statistics, weights or a mode of its own that is asked for: these are lost every time."""
    findings, _ = asked(Composed(compose), torch.randn(8, 4), "unregistered-submodule")
    assert {finding.severity for finding in findings} == {"error"}
