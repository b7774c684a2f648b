"""Models that are hard to trace, and a few that only look hard."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class ValueControl(nn.Module):
    """Asserts on values, branches on them and loops as often as a tensor says."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        assert x.abs().max() < 1000
        steps = int((x[0, 0] > 0).item()) + 2
        for _ in range(steps):
            x = F.relu(self.fc(x))
        if x.sum() >= 0:
            x = self.norm(x)
        return x


class InPlace(nn.Module):
    """Writes in place, through views and by item assignment."""

    def __init__(self) -> None:
        super().__init__()
        self.drop = nn.Dropout(0.5)
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        held = torch.zeros(len(x), 4)
        held[:, :2] = self.drop(x)[:, :2]
        held[:, 2:].add_(x[:, 2:]).relu_()
        return self.norm(held)


@dataclass
class Answer:
    logits: Tensor
    parts: list[Tensor]


class Outputs(nn.Module):
    """Returns a dataclass, takes a dict and keywords, calls a module that returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.rnn = nn.LSTM(4, 4, batch_first=True)
        self.head = nn.Linear(4, 2)

    def forward(self, batch: dict[str, Tensor], *, scale: Tensor) -> Answer:
        states, (hidden, _) = self.rnn(batch["x"])
        first, second = states.chunk(2, dim=1)
        return Answer(self.head(hidden[-1]) * scale, [first, second])


class Reused(nn.Module):
    """Frees and makes tensors in a loop, so that ids come again; calls one module twice."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(5))
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x) + torch.randn(4)
            del layer
        return self.norm(self.norm(x) * 2)


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return torch.from_numpy(x.detach().numpy() * 2)

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        return grad * 2


class Custom(nn.Module):
    """A custom autograd function that works in numpy, under dropout and before a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(Doubled.apply(x))


class Checkpointed(nn.Module):
    """Recomputes a block, by the reentrant way or the other."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.1), nn.BatchNorm1d(4))
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.block, x, use_reentrant=self.reentrant)


class WeightStandardised(nn.Module):
    """Calls batch norm on a weight, as weight standardisation does."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        weight = F.batch_norm(self.conv.weight.reshape(1, 4, -1), None, None, training=True)
        return F.conv2d(F.dropout(x, 0.5, self.training), weight.reshape_as(self.conv.weight))


class Attention(nn.Module):
    """An encoder layer that takes a fused path when nobody watches."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)


class Frozen(nn.Module):
    """Keeps its norm in eval mode when the rest trains."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.norm.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.fc(x))


def hard() -> dict[str, tuple[nn.Module, tuple[object, ...], dict[str, object]]]:
    """Every hard model by name, with positional and keyword arguments."""
    torch.manual_seed(0)
    flat = torch.randn(6, 4)
    return {
        "control flow on values": (ValueControl(), (flat,), {}),
        "in-place writes": (InPlace(), (flat,), {}),
        "dict in, dataclass out": (
            Outputs(),
            ({"x": torch.randn(3, 6, 4)},),
            {"scale": torch.tensor(2.0)},
        ),
        "freed and called again": (Reused(), (flat,), {}),
        "custom autograd function": (Custom(), (flat,), {}),
        "checkpoint": (Checkpointed(False), (flat.clone().requires_grad_(),), {}),
        "reentrant checkpoint": (Checkpointed(True), (flat.clone().requires_grad_(),), {}),
        "weight standardisation": (WeightStandardised(), (torch.randn(2, 4, 5, 5),), {}),
        "attention with a fast path": (Attention(), (torch.randn(2, 5, 8),), {}),
        "frozen norm": (Frozen(), (flat,), {}),
    }
