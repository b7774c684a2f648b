"""The two views of a recorded forward: folded to modules, and as a module that runs."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from evalcheck.finding import Unanswerable
from evalcheck.graph import Trace, trace
from tests.graph.models import hard
from tests.graph.test_oracle import MODELS

HARD = hard()
# What these compute depends on the values, or goes through numpy.
UNLIKE = {"custom autograd function", "control flow on values"}


def _eval(model: nn.Module, batch: object, executable: bool = False) -> Trace:
    graph = trace(model, batch, executable=executable)
    assert graph.eval is not None
    return graph.eval


@pytest.mark.parametrize("name", MODELS)
def test_folded_view_has_the_nodes_of_a_symbolic_trace(name: str) -> None:
    """The same modules and functions, in the same order, with the same edges."""
    model = MODELS[name].eval()
    folded = _eval(model, torch.randn(4, 3, 8, 8)).collapsed()
    folded.lint()
    expected = fx.symbolic_trace(model).graph
    ours = [str(node.target) for node in folded.nodes if node.op == "call_module"]
    theirs = [str(node.target) for node in expected.nodes if node.op == "call_module"]
    assert ours == theirs
    assert _edges(folded) == _edges(expected)


def _edges(graph: fx.Graph) -> list[tuple[str, str]]:
    """From module to module, through whatever stands between."""
    found = []
    for node in graph.nodes:
        if node.op == "call_module":
            waiting, seen = [*node.all_input_nodes], set()
            while waiting:
                above = waiting.pop()
                if above.op == "call_module":
                    found.append((str(above.target), str(node.target)))
                elif above not in seen:
                    seen.add(above)
                    waiting += above.all_input_nodes
    return sorted(set(found))


def test_folded_view_keeps_identities_and_several_outputs() -> None:
    """A module that does nothing is a node too; each output of an LSTM is an item of its call."""

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.nothing, self.rnn, self.head = nn.Identity(), nn.LSTM(4, 4), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            states, (hidden, _) = self.rnn(self.nothing(x))
            return self.head(states + hidden) * 2

    folded = _eval(Net(), torch.randn(3, 6, 4)).collapsed()
    names = [node.name for node in folded.nodes if node.op not in ("placeholder", "output")]
    assert names == ["nothing", "rnn", "getitem", "getitem_1", "getitem_2", "add", "head", "mul"]
    assert folded.nodes  # the graph is whole
    folded.lint()
    rnn = next(node for node in folded.nodes if node.target == "rnn")
    assert [node.name for node in rnn.all_input_nodes] == ["nothing"]
    assert rnn.meta["span"].text == "states, (hidden, _) = self.rnn(self.nothing(x))"


@pytest.mark.parametrize("name", [name for name in HARD if name not in UNLIKE and not HARD[name][2]])
def test_recorded_forward_runs_again_on_other_values(name: str) -> None:
    """The graph alone computes what the model computes, on values that it was not recorded with."""
    model, (x,), _ = HARD[name]
    assert isinstance(x, Tensor)
    recorded = _eval(model, x, executable=True).executable(model)
    model.eval()
    other = torch.randn_like(x)
    torch.manual_seed(1)
    with torch.no_grad():
        expected = model(other.clone())
    torch.manual_seed(1)
    with torch.no_grad():
        (got,) = recorded(other.clone())
    assert torch.allclose(got, expected, atol=1e-6)


def test_graph_with_a_hole_is_not_run() -> None:
    """What went through numpy is known to be missing, by the module's name."""
    model, (x,), _ = HARD["custom autograd function"]
    with pytest.raises(Unanswerable, match="hole"):
        _eval(model, x, executable=True).executable(model)


def test_graph_without_its_constants_is_not_run() -> None:
    """Tensors of unknown origin are kept only if asked for."""
    model, (x,), _ = HARD["frozen norm"]
    with pytest.raises(Unanswerable, match="executable=True"):
        _eval(model, x).executable(model)


def test_lines_that_decide_by_values_are_known() -> None:
    """Another batch may go another way there."""
    model, (x,), _ = HARD["control flow on values"]
    lines = [span.text for span in _eval(model, x).decisions]
    assert lines == [
        "assert x.abs().max() < 1000",
        "steps = int((x[0, 0] > 0).item()) + 2",
        "if x.sum() >= 0:",
    ]


def test_transposed_attribute_is_part_of_the_flow() -> None:
    """``x.T`` makes a tensor as any function does."""

    class Net(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.relu(x.T).mT

    recorded = _eval(Net(), torch.randn(3, 4), executable=True).executable(Net())
    x = torch.randn(3, 4)
    assert torch.equal(recorded(x)[0], x.relu())
