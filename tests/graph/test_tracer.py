"""The tracer runs any model as it is, records what happened and leaves nothing behind."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from evalcheck.batch import tree
from evalcheck.graph import Trace, read, trace
from evalcheck.graph.difference.one_mode import failure
from evalcheck.graph.recording import tracer
from evalcheck.guard import restored_randomness, untouched
from evalcheck.paths import shown
from tests.graph.models import Custom, Frozen, InPlace, Outputs, Reused, hard

HARD = hard()


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_output_is_that_of_the_untraced_model(name: str, mode: str) -> None:
    """Watching changes no value: dropout, batch statistics and noise included."""
    model, args, kwargs = HARD[name]
    seen: dict[bool, Any] = {}

    def run(m: nn.Module) -> Any:
        torch.manual_seed(3)
        seen[m.training] = m(*args, **kwargs)
        return seen[m.training]

    graph = read(model, run)
    assert graph.refusals == {}
    trace = graph.trace("train" if mode == "train" else "eval")
    assert trace is not None
    assert trace.complete
    traced = seen[mode == "train"]
    with restored_randomness(), untouched(model), torch.set_grad_enabled(mode == "train"):
        # The fused attention kernels are left aside: a watched model never takes them.
        torch.backends.mha.set_fastpath_enabled(False)
        getattr(model, mode)()
        plain = run(model)
    for (path, one), (_, two) in zip(tree.leaves(plain), tree.leaves(traced), strict=True):
        assert torch.equal(one, two), path


@pytest.mark.parametrize("name", HARD)
def test_outputs_are_joined_to_inputs(name: str) -> None:
    """Every recorded output descends from an input: no operation on the way was lost."""
    model, args, kwargs = HARD[name]
    graph = read(model, lambda m: m(*args, **kwargs))
    for seen in (graph.train, graph.eval):
        assert seen is not None
        assert _reaches_input(seen)
        seen.graph.lint()


def test_call_keeps_shapes_samples_modes_and_lines() -> None:
    """A call knows its count, its input, the values per channel and the line that made it."""
    model = Reused()
    graph = read(model, lambda m: m(torch.randn(6, 4)))
    assert graph.train is not None
    first, second = graph.train.calls("norm")
    assert (first.index, second.index) == (0, 1)
    assert first.shapes == ((6, 4),)
    assert first.samples == 6
    assert first.training
    assert first.span is not None
    assert first.span.text == "return self.norm(self.norm(x) * 2)"
    assert first.span.column < first.span.end_column
    assert graph.train.calls("nowhere") == []
    assert [call.path for call in graph.train.sequence if call.parent is None] == [""]


def test_dropout_call_keeps_its_rate() -> None:
    """The rate is the one at the time of the call."""
    graph = read(InPlace(), lambda m: m(torch.randn(6, 4)))
    assert graph.train is not None
    assert graph.train.calls("drop")[0].p == 0.5
    assert graph.eval is not None
    assert not graph.eval.calls("drop")[0].training


def test_node_carries_module_line_shape_and_mode() -> None:
    """What a rule asks of a node stands in its meta."""
    graph = read(Reused(), lambda m: m(torch.randn(6, 4)))
    assert graph.eval is not None
    norm = next(n for n in graph.eval.graph.nodes if n.target is F.batch_norm)
    assert norm.meta["module"] == norm.meta["norm"] == "norm"
    assert norm.meta["shape"] == (6, 4)
    assert norm.meta["dtype"] == torch.float32
    assert norm.meta["mode"] == "eval"
    assert norm.meta["span"].path == shown(__file__.replace("test_tracer", "models"))


def test_own_train_method_is_honoured() -> None:
    """A model that keeps its norm frozen is traced with the norm frozen."""
    graph = read(Frozen(), lambda m: m(torch.randn(6, 4)))
    assert graph.train is not None
    assert graph.train.calls("")[0].training
    assert not graph.train.calls("norm")[0].training


def test_refusal_keeps_the_reason_and_what_ran_before() -> None:
    """A model that fails in train mode only has a partial trace, a reason and a whole eval trace."""
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    graph = read(model, lambda m: m(torch.randn(1, 4)))
    assert set(graph.refusals) == {"train"}
    assert "more than 1 value per channel" in graph.refusals["train"]
    assert graph.train is not None
    assert not graph.train.complete
    assert graph.train.failed_in == "1"
    assert [call.path for call in graph.train.sequence] == ["", "0", "1"]
    assert graph.reached("2", "train") is None
    assert graph.reached("2", "eval") is True


def test_exception_that_the_model_handles_is_no_refusal() -> None:
    """A failed attempt inside forward is part of the run; names stay right afterwards."""

    class Tries(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wrong, self.right = nn.Linear(3, 3), nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            try:
                return self.wrong(x)
            except RuntimeError:
                return self.right(x)

    graph = read(Tries(), lambda m: m(torch.randn(2, 4)))
    assert graph.refusals == {}
    assert graph.eval is not None
    linear = [n.meta["module"] for n in graph.eval.graph.nodes if n.target is F.linear]
    assert linear == ["right"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_nothing_is_left_behind(error: type[BaseException]) -> None:
    """Values, modes and torch itself are as before, however the run ends."""
    model = nn.Sequential(nn.BatchNorm1d(4), nn.Dropout(0.5))
    model[1].eval()
    values = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [m.training for m in model.modules()]
    call, apply = nn.Module.__call__, torch.autograd.Function.__dict__["apply"]
    seed = torch.get_rng_state()

    def run(m: nn.Module) -> None:
        m(torch.randn(8, 4))
        m.extra = 1
        raise error

    if issubclass(error, Exception):
        assert set(read(model, run).refusals) == {"train", "eval"}
    else:
        with pytest.raises(error):
            read(model, run)
    assert nn.Module.__call__ is call
    assert torch.autograd.Function.__dict__["apply"] is apply
    assert [m.training for m in model.modules()] == modes
    assert not hasattr(model, "extra")
    assert torch.equal(torch.get_rng_state(), seed)
    for name, value in model.state_dict().items():
        assert torch.equal(value, values[name]), name


def test_broken_train_method_is_a_refusal() -> None:
    """A model whose train() cannot be called is still looked at in eval mode."""

    class Broken(nn.Module):
        def train(self, mode: bool = True) -> Any:
            if mode:
                raise TypeError("no")
            return super().train(mode)

        def forward(self, x: Tensor) -> Tensor:
            return x

    graph = read(Broken(), lambda m: m(torch.ones(1)))
    assert graph.train is None
    assert "model.train() failed" in graph.refusals["train"]
    assert graph.eval is not None


def test_lazy_layers_get_their_shapes_only_for_the_trace() -> None:
    """A lazy model is traced like any other, and is lazy again afterwards, hooks and all."""
    model = nn.Sequential(nn.LazyLinear(4), nn.LazyBatchNorm1d())
    graph = read(model, lambda m: m(torch.randn(8, 3)))
    assert graph.refusals == {}
    assert graph.train is not None
    assert graph.train.calls("1")[0].samples == 8
    assert isinstance(model[0], nn.LazyLinear)
    assert model(torch.randn(8, 7)).shape == (8, 4)
    assert model[0].in_features == 7


def test_lazy_layers_without_a_batch_are_refused() -> None:
    """Nothing can be known of their shapes; a batch that does not fit says why."""
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(5, 2))
    assert "lazy" in read(model, None).refusals["train"]
    graph = read(model, lambda m: m(torch.randn(8, 3)))
    assert "mat1 and mat2" in graph.refusals["eval"]
    assert isinstance(model[0], nn.LazyLinear)


def test_long_loop_is_cut() -> None:
    """Past the limit the model runs on unrecorded, and the trace says that it is not whole."""

    class Loop(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            for _ in range(50):
                x = x + 1
            return x

    model = Loop()
    trace, refusal = tracer.record(model, lambda m: m(torch.ones(1)), "train", {id(model): ""}, {}, limit=20)
    assert refusal == "the forward has more than 20 operations; what came after them is not recorded"
    assert not trace.complete
    assert len(trace.graph.nodes) < 25


def test_alias_keeps_identity_apart() -> None:
    """Later uses of a value do not seem to pass through a dropout that returned it unchanged."""

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            x = x * 1
            return x + self.drop(x)

    graph = read(Residual(), lambda m: m(torch.ones(2, 2)))
    assert graph.eval is not None
    add = next(n for n in graph.eval.graph.nodes if n.name == "add")
    assert [source.name for source in add.all_input_nodes] == ["mul", "dropout"]


def test_opaque_code_is_bridged() -> None:
    """A function that works in numpy is one node between its input and its output."""
    graph = read(Custom(), lambda m: m(torch.randn(6, 4)))
    assert graph.train is not None
    names = [n.name for n in graph.train.graph.nodes if n.op == "call_function"]
    assert "opaque" in names


def test_inputs_of_any_form_are_placeholders() -> None:
    """Tensors in dicts and keywords are inputs too."""
    model = Outputs()
    batch, scale = {"x": torch.randn(3, 6, 4)}, torch.tensor(2.0)
    graph = read(model, lambda m: m(batch, scale=scale))
    assert graph.eval is not None
    shapes = {n.meta["shape"] for n in graph.eval.graph.nodes if n.op == "placeholder"}
    assert {(3, 6, 4), ()} == shapes


def test_scripted_and_compiled_parts_do_not_stop_the_trace() -> None:
    """What torch functions cannot see is bridged from the inputs of its module to its outputs."""
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Linear(4, 4), nn.ReLU())), nn.BatchNorm1d(4))
    graph = read(model, lambda m: m(torch.randn(6, 4)))
    assert graph.refusals == {}
    assert graph.train is not None
    assert graph.train.calls("1")[0].samples == 6


class Elsewhere(nn.Module):
    """A layer that runs in another thread."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        made: list[Tensor] = []
        thread = threading.Thread(target=lambda: made.append(self.fc(x)))
        thread.start()
        thread.join()
        return made[0] + 1


class Numpy(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        values = F.relu(x).detach().numpy() * 2
        return torch.from_numpy(values) + torch.as_tensor(values)


@pytest.mark.parametrize(("model", "reason"), [(Elsewhere(), "another thread"), (Numpy(), "numpy")])
def test_what_goes_out_of_sight_is_a_hole(model: nn.Module, reason: str) -> None:
    """The flow goes on behind it, and the hole has a reason and a place."""
    graph = trace(model, torch.randn(6, 4))
    assert graph.eval is not None
    assert graph.eval.complete
    assert {(hole.mode, hole.path) for hole in graph.holes} == {("train", ""), ("eval", "")}
    assert all(reason in hole.reason for hole in graph.holes)
    assert _reaches_input(graph.eval)


class Mapped(nn.Module):
    """A function mapped over the samples, then a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.fc, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(torch.func.vmap(lambda row: self.fc(row).relu())(x))


class Doubling(nn.Module):
    """Prepares its input before the first module call that can be watched."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)

    def __call__(self, x: Tensor) -> Tensor:
        return super().__call__(x * 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)


@pytest.mark.parametrize("model", [Mapped(), Doubling()])
def test_wrapped_and_prepared_inputs_stay_joined(model: nn.Module) -> None:
    """``torch.func`` wraps tensors, an own ``__call__`` makes them: no constants, no holes."""
    graph = trace(model, torch.randn(6, 4))
    assert graph.holes == ()
    assert graph.eval is not None
    assert not any(str(node.target).startswith("constant") for node in graph.eval.graph.nodes)
    assert _reaches_input(graph.eval)


def test_norm_whose_forward_is_called_directly_counts_as_reached() -> None:
    """No module call is seen then, but whose statistics were used is."""

    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm, self.other = nn.BatchNorm1d(4), nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            return self.norm.forward(x)

    graph = read(Direct(), lambda m: m(torch.randn(6, 4)))
    assert graph.reached("norm", "eval") is True
    assert graph.reached("other", "eval") is False


def _reaches_input(trace: Trace) -> bool:
    waiting = [next(node for node in trace.graph.nodes if node.op == "output")]
    seen = set()
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += node.all_input_nodes
    return any(node.op == "placeholder" for node in seen)


def test_recordings_in_two_threads_wait_for_each_other() -> None:
    """Each puts back what it patched, and neither records the other's calls."""
    call, apply = nn.Module.__call__, torch.autograd.Function.__dict__["apply"]
    counts: list[int] = []

    def record() -> None:
        for _ in range(3):
            seen = trace(Reused(), torch.randn(6, 4)).train
            counts.append(len(seen.sequence) if seen is not None else 0)

    threads = [threading.Thread(target=record) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(counts) == {8}
    assert nn.Module.__call__ is call
    assert torch.autograd.Function.__dict__["apply"] is apply


def test_a_fault_of_the_recorder_is_not_told_as_the_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where our own code raises, the model's forward is not said to fail in a mode."""

    monkeypatch.setattr("evalcheck.graph.recording.recorder.shape", None)
    graph = trace(Reused(), torch.randn(6, 4))
    assert all("a fault of evalcheck itself" in reason for reason in graph.refusals.values())
    assert failure(graph) is None


def test_the_line_that_raises_is_known() -> None:
    """The innermost line of the user's code, below torch's own frames."""

    class Refuses(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(5, 5)

        def forward(self, x: Tensor) -> Tensor:
            return x if self.training else self.layer(x)

    graph = trace(Refuses(), torch.randn(6, 4))
    found = failure(graph)
    assert found is not None
    assert (found.mode, found.place.module) == ("eval", "layer")
    assert found.place.span is not None
    assert found.place.span.text == "return x if self.training else self.layer(x)"
