"""On models that torch.fx can trace, both tracers see the same calls in the same order."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, fx, nn

from evalcheck.graph import Trace, read


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.act = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.act(x + self.drop(self.body(x)))


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, 2)
        self.blocks = nn.ModuleList(Residual(8) for _ in range(3))
        self.heads = nn.ModuleDict({"a": nn.Linear(8, 2), "b": nn.Linear(8, 3)})
        self.shared = nn.LayerNorm(8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        flat = x.mean((2, 3))
        return self.heads["a"](self.shared(flat)), self.heads["b"](self.shared(flat))


MODELS = {
    "sequential": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()),
    "nested": nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(Residual(8), Residual(8)), nn.Dropout2d(0.2)),
    "two heads, shared norm": TwoHeads(),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_same_calls_as_symbolic_trace(name: str, mode: str) -> None:
    """The leaf modules of the execution trace are the call_module nodes of the symbolic one."""
    model = MODELS[name]
    getattr(model, mode)()
    expected = [str(n.target) for n in fx.symbolic_trace(model).graph.nodes if n.op == "call_module"]
    graph = read(model, lambda m: m(torch.randn(4, 3, 8, 8)))
    trace = graph.train if mode == "train" else graph.eval
    assert trace is not None
    assert _leaves(trace, model) == expected
    fallback = read(model, None)
    same = fallback.train if mode == "train" else fallback.eval
    assert same is not None
    assert [call.path for call in same.sequence] == expected


def _leaves(trace: Trace, model: nn.Module) -> list[str]:
    names = dict(model.named_modules())
    tracer = fx.Tracer()
    return [c.path for c in trace.sequence if c.path and tracer.is_leaf_module(names[c.path], c.path)]


def test_without_a_batch_what_cannot_be_traced_is_refused() -> None:
    """No batch and no symbolic trace: no trace, a reason, and the modules are still there."""

    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = nn.BatchNorm1d(2)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm(x) if x.sum() > 0 else x

    graph = read(Branches(), None)
    assert graph.train is None
    assert graph.eval is None
    assert "no batch" in graph.refusals["train"]
    assert graph.modules["norm"].kind == "batchnorm"
    assert graph.flow == ()
