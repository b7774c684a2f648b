"""The call that constructed a module, where source alone cannot tell it."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from evalcheck.graph import read
from evalcheck.graph.building import construction


def block(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(width, width),
        nn.BatchNorm1d(width),  # here: norm
    )


class Gate(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


class WideGate(Gate):
    def __init__(self) -> None:
        super().__init__(nn.Linear(4, 4))


def build() -> nn.Module:
    gates = [Gate(block(4)) for _ in range(2)]  # here: gate
    return nn.Sequential(
        *gates,
        WideGate(),  # here: wide
        nn.TransformerEncoderLayer(4, 1, 4, batch_first=True),
    )


def line(name: str) -> int:
    lines = Path(__file__).read_text().splitlines()
    return next(i for i, text in enumerate(lines, 1) if text.endswith(f"# here: {name}"))


@pytest.fixture
def model() -> nn.Module:
    with construction.remembered():
        return build()


@pytest.mark.parametrize(
    ("path", "name"), [("0.inner.1", "norm"), ("1.inner.1", "norm"), ("1", "gate"), ("2", "wide")]
)
def test_a_module_is_told_by_the_call_that_made_it(model: nn.Module, path: str, name: str) -> None:
    span = read(model, None).built(path)
    assert span is not None
    assert span.line == line(name)


def test_the_span_is_the_call_and_not_its_line(model: nn.Module) -> None:
    span = read(model, None).built("0.inner.1")
    assert span is not None
    assert span.text[: span.end_column - span.column] == "nn.BatchNorm1d(width)"


def test_what_a_library_made_is_not_told_by_the_users_call(model: nn.Module) -> None:
    assert construction.site(model.get_submodule("3.norm1")) is None


def test_a_copy_is_told_by_the_call_that_made_its_original() -> None:
    with construction.remembered():
        average = AveragedModel(build())
        twice = copy.deepcopy(average)
    for held in (average, twice):
        span = construction.site(held.get_submodule("module.0.inner.1"))
        assert span is not None
        assert span.line == line("norm")


def test_nothing_is_left_behind_also_after_an_exception() -> None:
    before = nn.Module.__init__, nn.Module.__setstate__
    with pytest.raises(KeyboardInterrupt), construction.remembered():
        raise KeyboardInterrupt
    assert (nn.Module.__init__, nn.Module.__setstate__) == before
    plain, seen = build(), vars(nn.Module()).keys()
    assert construction.site(plain.get_submodule("0.inner.1")) is None
    with construction.remembered():
        assert vars(nn.Module()).keys() == seen
