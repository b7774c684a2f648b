"""The line that built a module, for the ways in which people build them."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from evalcheck.graph import read, trace
from evalcheck.paths import shown


class Block(nn.Module):
    def __init__(self, width: int, norm: type[nn.Module] = nn.BatchNorm1d) -> None:
        super().__init__()
        self.norm = norm(width)  # here: blocks.0.norm
        self.fc = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.norm(x))


class Chain(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Linear(4, 4),
            nn.BatchNorm1d(4),  # here: chain.1
        )


class Base(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.inherited = nn.LayerNorm(4)  # here: inherited


class Many(Base):
    def __init__(self, deep: bool = True) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 4)  # here: stem
        if deep:
            self.act: nn.Module = nn.GELU()  # here: act
        else:
            self.act = nn.ReLU()
        self.net = nn.Sequential(
            nn.Linear(4, 4),
            nn.Dropout(0.1),  # here: net.1
            nn.Sequential(nn.ReLU(), nn.BatchNorm1d(4)),  # here: net.2, net.2.1
        )
        self.named = nn.Sequential(
            OrderedDict(
                [
                    ("fc", nn.Linear(4, 4)),
                    ("norm", nn.BatchNorm1d(4)),  # here: named.norm
                ]
            )
        )
        self.blocks = nn.ModuleList([Block(4) for _ in range(2)])  # here: blocks, blocks.1
        layers: list[nn.Module] = [nn.Linear(4, 4)]
        for _ in range(2):
            layers.append(nn.BatchNorm1d(4))  # here: grown.1, grown.3
            layers += [nn.Dropout(0.5)]  # here: grown.2
        self.grown = nn.Sequential(*layers)
        self.later = nn.ModuleList()
        for _ in range(3):
            self.later.append(nn.LayerNorm(4))  # here: later.2
        self.heads = nn.ModuleDict({"a": nn.Linear(4, 1), "b": nn.Linear(4, 2)})  # here: heads.b
        self.add_module("added", nn.Identity())  # here: added
        self.made = self._make(4)
        self.chain = Chain()
        self.stack = self._stack(Block, 3)

    def _stack(self, kind: type[Block], depth: int) -> nn.Sequential:
        layers: list[nn.Module] = [kind(4)]  # here: stack.0
        for _ in range(1, depth):
            layers += [kind(4)]  # here: stack.1, stack.2
        return nn.Sequential(*layers)

    def _make(self, width: int) -> nn.Sequential:
        parts = [nn.Linear(width, width), nn.BatchNorm1d(width)]  # here: made.1
        return nn.Sequential(*parts)


LINES = Path(__file__).read_text("utf8").split("\n")
MARKED = {
    path.strip(): number
    for number, line in enumerate(LINES, 1)
    if "# here: " in line and "line" not in line
    for path in line.partition("# here: ")[2].split(",")
}


@pytest.mark.parametrize("path", MARKED)
def test_line_that_built_a_module(path: str) -> None:
    """Attributes, containers, loops, helpers, inherited and conditional assignments."""
    span = read(Many(), None).built(path)
    assert span is not None
    assert span.path == shown(__file__)
    assert span.line == MARKED[path]


def test_column_is_that_of_the_expression() -> None:
    """The span covers the call alone."""
    span = read(Many(), None).built("net.1")
    assert span is not None
    line = LINES[span.line - 1]
    assert line[span.column - 1 : span.end_column - 1] == "nn.Dropout(0.1)"


def test_unknown_is_none() -> None:
    """The root, modules of a bare Sequential, and classes without source have no line."""
    assert read(Many(), None).built("") is None
    assert read(nn.Sequential(nn.ReLU()), None).built("0") is None
    scope: dict[str, type[nn.Module]] = {}
    text = "class M(nn.Module):\n  def __init__(self):\n    super().__init__(); self.a = nn.ReLU()"
    exec(text, {"nn": nn, "__name__": "unwritten"}, scope)
    assert read(scope["M"](), None).built("a") is None
    assert read(Many(), None).built("no.such.path") is None


def pair() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 2), nn.ReLU())


class Nested(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Sequential(nn.ReLU(), pair())


def test_container_in_a_container_from_a_function() -> None:
    """Its name is a number, which is no attribute to look for."""
    graph = read(Nested(), None)
    assert graph.built("head.1") is not None
    assert graph.built("head.1.0") is None


def test_equal_functions_of_two_files_keep_their_files(tmp_path: Path) -> None:
    """Code objects are equal by content, whatever file they come from."""
    text = "from torch import nn\nclass Net(nn.Module):\n    def forward(self, x):\n        return x * 2\n"
    seen = []
    for name in ("first.py", "second.py"):
        (tmp_path / name).write_text(text)
        space: dict[str, type[nn.Module]] = {}
        exec(compile(text, str(tmp_path / name), "exec"), space)
        recorded = trace(space["Net"](), torch.ones(2, 3)).eval
        assert recorded is not None
        seen += [node.meta["span"].path for node in recorded.graph.nodes if node.name == "mul"]
    assert [Path(path).name for path in seen] == ["first.py", "second.py"]
