"""What cannot be recalibrated is said in one line, and the model stays as it is."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from tests.guard.fingerprint import fingerprint
from tests.recalibration.nets import batches, inputs, net


class Shared(nn.Module):
    """One norm for two inputs that differ."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x) + self.norm(3 * x + 5)


def refused(model: object, loader: object, **others: object) -> str:
    before = fingerprint(model) if isinstance(model, nn.Module) else None
    with pytest.raises(evalcheck.Complaint) as complaint:
        evalcheck.recalibrate(model, loader, **others)
    assert before is None or fingerprint(model) == before
    line = str(complaint.value)
    assert "\n" not in line
    return line


def test_a_norm_for_calls_that_differ() -> None:
    """With the reason and the way out."""
    line = refused(Shared(), [torch.randn(200, 3)])
    assert line.startswith("batch norm 'norm' is called 2 times per forward on inputs that differ (KL ")
    assert "Give each call a norm of its own" in line


def test_models_without_anything_to_recalibrate() -> None:
    """No norms, none with statistics, none that is awake, none that runs, some out of sight."""
    x = batches(inputs(20), 10)
    assert refused(nn.Linear(3, 3), [torch.randn(4, 3)]) == (
        "the model has no batch norms: there is nothing to recalibrate"
    )
    untracked = nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False))
    assert "keep no running statistics" in refused(untracked, x)
    frozen = net().train()
    frozen[1].eval()
    frozen[6].eval()
    assert refused(frozen, x).startswith("all 2 batch norms are frozen")
    idle = nn.Linear(3, 3)
    idle.norm = nn.BatchNorm1d(3)
    assert refused(idle, [torch.randn(4, 3)]).startswith("no batch norm ran in the forward")
    assert "torch.jit.script" in refused(torch.jit.script(net()), x)
    assert "lazy" in refused(nn.Sequential(nn.LazyBatchNorm1d()), [torch.randn(4, 3)])
    twins = nn.Sequential(nn.BatchNorm2d(3), nn.BatchNorm2d(3))
    twins[1].running_mean, twins[1].running_var = twins[0].running_mean, twins[0].running_var
    assert refused(twins, x).startswith("0 and 1 share one set of running statistics")


def test_models_that_cannot_be_switched_or_computed() -> None:
    """One line each: a train() that raises, a model without memory."""

    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Frozen:
            if mode:
                raise RuntimeError("inference\nonly")
            return super().train(mode)

    x = batches(inputs(20), 10)
    line = refused(Frozen(*net()).eval(), x)
    assert line.startswith("the model's own train() or eval() raised RuntimeError: inference")
    assert "meta device" in refused(net().to("meta"), x)


def test_a_loader_that_raises_many_lines() -> None:
    """The first of them is enough."""

    def broken():
        yield batches(inputs(20), 10)[0]
        raise ValueError("disk gone\nreally")

    assert refused(net(), broken()) == "the loader raised ValueError: disk gone"


def test_data_that_says_nothing() -> None:
    """Empty, NaN, a single sample, no loader at all, NaN that the model makes."""
    broken = inputs(20)
    broken[3, 0, 0, 0] = float("nan")
    assert refused(net(), []) == "the loader is empty: it yielded no batch"
    assert refused(net(), batches(broken, 10)).startswith("the loader yields NaN in input[0]")
    assert refused(net(), batches(inputs(1), 1)).startswith("the loader gave a single sample")
    assert "cannot be iterated" in refused(net(), 3)
    assert "is needed" in refused("net", [])
    assert refused(net(), batches(inputs(20), 10), samples=0).startswith("samples must be a whole number")
    line = refused(net(), batches(inputs(20), 10), samples=1)
    assert line == "samples must be a whole number of 2 or more, not 1"
    assert refused(net(), batches(inputs(20), 10), batches=-1).startswith("batches must be a whole number")
    assert refused(net(), batches(1e38 * inputs(20), 10)).startswith(
        "1 is the first batch norm that is given"
    )
    assert "the model refuses a batch" in refused(net(), [torch.randn(4, 9)])


def test_statistics_that_the_buffers_cannot_hold() -> None:
    """float16 ends at 65504."""
    model = nn.Sequential(nn.BatchNorm1d(3)).half()
    line = refused(model, [(torch.randn(40, 3) * 1e4).half()])
    assert line == "the statistics of 0 are too large for float16"
