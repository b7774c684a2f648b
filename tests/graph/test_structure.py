"""What runs in one mode only: told from what is left to chance."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from evalcheck.graph import ModelGraph, trace


def _read(model: nn.Module) -> ModelGraph:
    torch.manual_seed(0)
    return trace(model, torch.randn(4, 8))


class Auxiliary(nn.Module):
    """A second head in train mode, another output there."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 2)
        self.aux = nn.Sequential(nn.Linear(8, 4), nn.Linear(4, 2))

    def forward(self, x: Tensor) -> Tensor | dict[str, Tensor]:
        x = self.body(x)
        return {"out": self.head(x), "aux": self.aux(x)} if self.training else self.head(x)


class Skipping(nn.Module):
    """Stochastic depth: each block runs by chance in train mode, always in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(8, 8) for _ in range(6))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            if not self.training or torch.rand(()) < 0.7:
                x = x + block(x)
        return x


def test_part_of_one_mode_is_named_by_its_outermost_module() -> None:
    """The head, not its layers; and what each mode returns."""
    structure = _read(Auxiliary()).structure
    assert structure is not None
    assert structure.train_only == ("aux",)
    assert structure.eval_only == ()
    assert (structure.train_output, structure.eval_output) == ("{out: tensor, aux: tensor}", "tensor")


def test_blocks_that_are_skipped_by_chance_are_no_difference() -> None:
    """A second forward in train mode, with another seed, tells chance from mode."""
    graph = _read(Skipping())
    assert graph.again is not None
    assert graph.structure is not None
    assert not graph.structure.train_only
    assert len(graph.structure.eval_only) <= 1


def test_same_structure_is_run_once() -> None:
    """Nothing is repeated where the modes agree."""
    graph = _read(nn.Sequential(nn.Linear(8, 8), nn.Dropout(0.5)))
    assert graph.again is None
    assert graph.structure is not None
    assert not graph.structure.differs
