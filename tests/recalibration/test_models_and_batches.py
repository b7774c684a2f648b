"""Any model, any form of batch."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

import evalcheck
from tests.recalibration.nets import batches, inputs, net


class Two(nn.Module):
    """Takes two inputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.norm(first + second)


@dataclasses.dataclass
class Pair:
    first: Tensor
    second: Tensor
    labels: Tensor


def test_mappings_dataclasses_tuples_and_forward() -> None:
    """As evalcheck.check takes them, the wrapper of averages included."""
    one, two, y = torch.randn(90, 3), torch.randn(90, 3) + 2, torch.zeros(90)
    right = (one + two).mean(0)
    rows = [(one[i : i + 8], two[i : i + 8], y[i : i + 8]) for i in range(0, 90, 8)]
    forms = [
        rows,
        [{"first": a, "second": b, "labels": c} for a, b, c in rows],
        [Pair(*row) for row in rows],
    ]
    for wrap in (lambda m: m, AveragedModel, nn.DataParallel):
        for loader in forms:
            model = wrap(Two())
            made = evalcheck.recalibrate(model, loader)
            path, norm = next((p, m) for p, m in model.named_modules() if isinstance(m, nn.BatchNorm1d))
            assert torch.allclose(norm.running_mean, right, atol=1e-5)
            assert made.worst.module == path  # as in the model that was given
    model = Two()
    evalcheck.recalibrate(model, rows, forward=lambda m, batch: m(batch[0], batch[1]))
    assert torch.allclose(model.norm.running_mean, right, atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_precisions(dtype: torch.dtype) -> None:
    """Buffers keep their dtype; what they hold is rounded once."""
    model, x = net().to(dtype), inputs(200).to(dtype)
    evalcheck.recalibrate(model, batches(x, 20))
    assert model[1].running_mean.dtype is dtype
    h = model[0](x).double().transpose(0, 1).flatten(1)
    assert torch.allclose(model[1].running_mean.double(), h.mean(1), atol=0.02)
    assert torch.allclose(model[1].running_var.double(), h.var(1), rtol=0.02)


def test_batches_that_cannot_be_joined_run_as_they_are() -> None:
    """Sequences of other lengths: said, and a lonely sample at the end is left out."""

    class Last(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(3)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x.mean(1))

    sizes = [(8, 5), (8, 7), (8, 4), (1, 6)]
    model = Last()
    loader = [torch.randn(n, length, 3) + 1 for n, length in sizes]
    made = evalcheck.recalibrate(model, loader)
    assert made.samples == 24
    assert len(made.reasons) == 2
    right = torch.cat([x.mean(1) for x in loader[:3]])
    assert torch.allclose(model.norm.running_mean, right.mean(0), atol=1e-5)
    assert torch.allclose(model.norm.running_var, right.var(0), rtol=1e-4)


def test_a_loader_whose_length_fails() -> None:
    """It is not needed."""

    class Loader:
        def __iter__(self):
            return iter(batches(inputs(60), 10))

        def __len__(self) -> int:
            raise ZeroDivisionError

    assert evalcheck.recalibrate(net(), Loader(), samples=40).samples == 40


def test_limits_of_samples_and_batches() -> None:
    """An endless loader is left in time."""

    def endless():
        while True:
            yield from batches(inputs(40), 10)

    assert evalcheck.recalibrate(net(), endless(), samples=35).samples == 35
    assert evalcheck.recalibrate(net(), endless(), batches=2).samples == 20


@pytest.mark.parametrize("momentum", [None, 0.0, 0.001, 0.1, 1.0])
def test_the_recalibrated_model_passes_for_settled(momentum: float | None) -> None:
    """No rule about stale or unfinished statistics fires, whatever the counter said before."""
    model = net(0.0)
    for norm in (model[1], model[6]):
        norm.momentum = momentum
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    model.train()(inputs(8))
    x = batches(inputs(400), 40)
    evalcheck.recalibrate(model.eval(), x)
    rules = ["statistics-never-updated", "statistics-underconverged", "statistics-nonfinite"]
    assert evalcheck.check(model, x, x, select=rules).findings == ()
    if momentum is None:
        assert int(model[1].num_batches_tracked) == 10


def test_norms_that_do_not_run_are_named() -> None:
    """They keep what they have."""
    model = net()
    model[0].spare = nn.BatchNorm1d(3)
    made = evalcheck.recalibrate(model, batches(inputs(50), 10))
    assert made.reasons == ("1 batch norm did not run and stays as it is: 0.spare",)
