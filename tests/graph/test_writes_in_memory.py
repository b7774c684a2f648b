"""In-place writes: what was only read is not taken for written, and no write is lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from evalcheck.finding import Unanswerable
from evalcheck.graph import trace


class Step(nn.Module):
    """A function of a tensor, a dropout and a norm."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.drop, self.norm, self.wide = nn.Dropout(0.5), nn.BatchNorm1d(8), nn.Linear(8, 16)
        self.register_buffer("kept", torch.zeros(4, 8))

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def sibling(net: nn.Module, x: Tensor) -> Tensor:
    a, b = (x * 1).chunk(2, 1)
    a.add_(b)
    return torch.cat([a, b], 1)


def moved_within(net: nn.Module, x: Tensor) -> Tensor:
    h = x * 1
    v = h[:, 4:]
    h[:, :4] = v
    return v * 2


def powers(net: nn.Module, x: Tensor) -> Tensor:
    y = x**2
    y **= 3
    return y


def inference(net: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        h = torch.zeros(4, 8)
        h[:, :4] = net.drop(x)[:, :4]
    return h.clone()


def data(net: nn.Module, x: Tensor) -> Tensor:
    h = torch.zeros(4, 8)
    h.data = net.drop(x)
    return h * 1


@pytest.mark.parametrize("function", [sibling, moved_within, powers, inference, data])
def test_graph_with_writes_computes_what_the_model_does(function: Callable[..., Tensor]) -> None:
    """On other values than it was recorded with."""
    model = Step(function)
    seen = trace(model, torch.randn(4, 8), executable=True).eval
    assert seen is not None
    again, x = seen.executable(model), torch.randn(4, 8)
    with torch.no_grad():
        assert torch.allclose(again(x.clone())[0], model.eval()(x.clone()))


def other_half(net: nn.Module, x: Tensor) -> Tensor:
    h = net.wide(x) * 1
    a, b = h[:, :8], h[:, 8:]
    a.mul_(net.drop(x))
    return net.norm(b) + a


def copied(net: nn.Module, x: Tensor) -> Tensor:
    h = torch.zeros(4, 8)
    h.copy_(net.drop(x))
    return net.norm(h)


def through_data(net: nn.Module, x: Tensor) -> Tensor:
    h = x * 1
    h.data.copy_(net.drop(x))
    return net.norm(h)


def through_a_buffer(net: nn.Module, x: Tensor) -> Tensor:
    net.kept[:, :4].copy_(net.drop(x)[:, :4])
    return net.norm(net.kept * 1)


@pytest.mark.parametrize(
    ("function", "reached"),
    [(other_half, False), (copied, True), (through_data, True), (through_a_buffer, True)],
)
def test_noise_flows_where_it_was_written_and_nowhere_else(
    function: Callable[..., Tensor], reached: bool
) -> None:
    """The other half of a memory is another tensor."""
    assert bool(trace(Step(function), torch.randn(4, 8)).flow) == reached


def test_a_write_that_nobody_saw_is_a_hole() -> None:
    """The version of the tensor moved, and no recorded operation did it."""

    class Foreign(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            h = x * 1
            with torch._C.DisableTorchFunction():
                h.mul_(2)
            return h + 1

    graph = trace(Foreign(), torch.randn(4, 8), executable=True)
    assert ["written" in hole.reason for hole in graph.holes] == [True, True]
    assert graph.eval is not None
    with pytest.raises(Unanswerable, match="hole"):
        graph.eval.executable(graph.model)


def test_the_batch_is_left_as_it_was() -> None:
    """A forward may write into its input, and take things out of its dict."""

    class Greedy(nn.Module):
        def forward(self, batch: dict[str, Tensor]) -> Tensor:
            return batch.pop("x").mul_(2) + batch.pop("z")

    batch = {"x": torch.ones(4, 8), "z": torch.zeros(4, 8)}
    graph = trace(Greedy(), batch)
    assert graph.holes == ()
    assert list(batch) == ["x", "z"]
    assert torch.equal(batch["x"], torch.ones(4, 8))


def test_an_exception_that_is_caught_leaves_no_trace_in_the_names() -> None:
    """What runs afterwards belongs to the module that runs it."""

    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.bad, self.good = nn.Linear(5, 5), nn.Linear(8, 8)

        def forward(self, x: Tensor) -> Tensor:
            with contextlib.suppress(RuntimeError):
                self.bad(x)
            return self.good(torch.relu(x))

    seen = trace(Tries(), torch.randn(4, 8)).eval
    assert seen is not None
    assert [n.meta["module"] for n in seen.graph.nodes if n.name in ("relu", "linear")] == ["", "good"]
    assert [str(n.target) for n in seen.collapsed().nodes if n.op == "call_module"] == ["good"]
