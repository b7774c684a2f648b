"""Every model of the sample is traced as a whole, left as it was, and rightly judged."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, fx, nn

import evalcheck
from evalcheck.batch import bind, tree
from evalcheck.finding import Unanswerable
from evalcheck.graph import ModelGraph, trace
from evalcheck.guard.untouched import is_lazy
from tests.zoo.cases import CASES, made

Mode = Literal["train", "eval"]
MODES: tuple[Mode, ...] = ("train", "eval")

pytestmark = pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")

each_case = pytest.mark.parametrize("name", CASES)
each_mode = pytest.mark.parametrize("mode", MODES)


def run(model: nn.Module, batch: Any, mode: Mode) -> list[Tensor]:
    """The output's tensors in that mode, the generators planted before."""
    model.train(mode == "train")
    torch.manual_seed(5)
    with torch.no_grad():
        return [leaf for _, leaf in tree.leaves(bind(batch, model).run(model))]


def same(one: list[Tensor], two: list[Tensor]) -> bool:
    """Bit for bit."""
    return len(one) == len(two) and all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@each_case
@each_mode
def test_the_whole_forward_is_traced(name: str, mode: Mode) -> None:
    """Both modes come to their end, and what could not be looked into has a reason and a module."""
    model, batch = made(name)
    graph = trace(model, batch)
    assert graph.refusals == {}
    traced = graph.trace(mode)
    assert traced is not None
    assert traced.complete
    assert traced.shaped
    assert all(hole.reason and hole.path in graph.modules for hole in graph.holes)
    traced.graph.lint()
    assert {node.meta["mode"] for node in traced.graph.nodes} == {mode}


@each_case
def test_outputs_descend_from_inputs(name: str) -> None:
    """What is returned is joined to what was given, through hooks, views and foreign code."""
    model, batch = made(name)
    traced = trace(model, batch).eval
    assert traced is not None
    output = next(node for node in traced.graph.nodes if node.op == "output")
    assert output.args[0]
    for returned in output.all_input_nodes:
        if returned.meta["dtype"] != torch.int64:
            assert any(node.op == "placeholder" for node in _before(returned)), returned


def _before(node: fx.Node) -> set[fx.Node]:
    waiting, seen = [node], set[fx.Node]()
    while waiting:
        if (now := waiting.pop()) not in seen:
            seen.add(now)
            waiting += now.all_input_nodes
    return seen


@each_case
def test_model_and_generators_are_left_as_they_were(name: str) -> None:
    """Values, versions, flags, hooks, gradients and what the next forward gives."""
    model, batch = made(name)
    if is_lazy(model):
        trace(model, batch)
        assert is_lazy(model)
        return
    twin = copy.deepcopy(model) if name != "old weight norm and spectral norm" else made(name)[0]
    before = _state(model)
    generators = torch.get_rng_state()
    trace(model, batch)
    assert torch.equal(torch.get_rng_state(), generators)
    assert _state(model) == before
    for mode in MODES:
        assert same(run(model, batch, mode), run(twin, batch, mode)), mode


def _state(model: nn.Module) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, module in model.named_modules():
        hooks = (list(module._forward_hooks), list(module._forward_pre_hooks))
        found[path] = (module.training, hooks, sorted(vars(module)))
    for path, tensor in [*model.named_parameters(), *model.named_buffers()]:
        found[f"{path}:"] = (id(tensor), tensor._version, tensor.requires_grad, tensor.grad, tensor.tolist())
    return found


@each_case
@each_mode
def test_same_modules_as_symbolic_tracing(name: str, mode: Mode) -> None:
    """Where torch.fx can follow, both see the same calls of torch's modules in the same order."""
    model, batch = made(name)
    model.train(mode == "train")
    if is_lazy(model) or name in ("compiled part", "hooks already there", "data parallel"):
        pytest.skip("torch.fx does not see what runs there")
    try:
        expected = [str(n.target) for n in fx.symbolic_trace(model).graph.nodes if n.op == "call_module"]
    except Exception as error:
        pytest.skip(f"torch.fx cannot follow: {type(error).__name__}")
    traced = trace(model, batch).trace(mode)
    assert traced is not None
    found = [str(node.target) for node in traced.collapsed().nodes if node.op == "call_module"]
    assert found == expected


@each_case
def test_the_graph_runs_on_other_values(name: str) -> None:
    """Run again from its graph, the eval forward gives what the model gives, unless it says why not."""
    model, batch = made(name)
    graph = trace(model, batch, executable=True)
    if is_lazy(model):
        pytest.skip("it has its parameters only while it is traced")
    if name == "vmap":
        pytest.xfail("the mapped function's operations are recorded with a single sample's dimensions")
    other = bind(made(name, seed=1)[1], model)
    if (reason := CASES[name].unseen) is not None:
        with pytest.raises(Unanswerable, match=reason):
            _executable(graph, model)
        return
    again = _executable(graph, model)
    with torch.no_grad():
        expected = [leaf for _, leaf in tree.leaves(other.run(model.eval()))]
        got = again(*(leaf for _, leaf in tree.leaves([*other.args, other.kwargs])))
    for one, two in zip(expected, got, strict=True):
        torch.testing.assert_close(two, one)


def _executable(graph: ModelGraph, model: nn.Module) -> fx.GraphModule:
    model.eval()
    assert graph.eval is not None
    return graph.eval.executable(model)


@each_case
def test_the_check_warns_of_nothing_that_is_not_so(name: str) -> None:
    """A whole examination with loaders, of a model that was just built, ends without a false alarm."""
    model, batch = made(name)
    report = evalcheck.check(model, [batch, made(name, seed=1)[1]], [made(name, seed=2)[1]])
    assert report.faults == ()
    told = {finding.rule for finding in report.findings if finding.severity != "note"}
    assert told == CASES[name].faults, [finding.message for finding in report.findings]
