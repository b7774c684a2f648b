"""Every kind of change, model and tensor on its own."""

from __future__ import annotations

import warnings
from unittest import mock

import numpy
import pytest
import torch
from torch import nn

from evalcheck.guard import untouched
from evalcheck.guard.bits import same_bits
from evalcheck.guard.reach import walk
from tests.guard.fingerprint import bits, fingerprint
from tests.guard.meddler import Meddler, changes, containers, draw, objects


@pytest.mark.parametrize("name", sorted(changes(Meddler())))
def test_each_change_alone_is_undone(name):
    """Each on its own, so that a failure has a name."""
    model = Meddler()
    before = fingerprint(model)
    with untouched(model):
        changes(model)[name]()
    assert fingerprint(model) == before


@pytest.mark.parametrize("change", [containers, objects, draw])
def test_attributes_come_back_without_parameters_too(change):
    """The cheap guard leaves out parameters and nothing else."""
    model = Meddler()
    before = fingerprint(model)
    with untouched(model, parameters=False):
        change(model)
    assert fingerprint(model) == before


def test_own_generators_run_on_where_they_shall():
    """A repetition inside one guard must see a model that draws."""
    model = Meddler()
    before = model.generators[0].get_state()
    with untouched(model, randomness=False):
        draw(model)
    assert not torch.equal(model.generators[0].get_state(), before)


def test_a_buffer_in_a_list_is_the_same_clone_inside():
    """The original is never written, wherever it is reached from."""
    model = Meddler()
    original, version = model.seen, model.seen._version
    with untouched(model):
        assert model.alias[0] is model.seen
        assert model.seen is not original
        model.alias[0].add_(1)
    assert model.seen is original
    assert model.alias[0] is original
    assert original._version == version


@pytest.mark.parametrize("wrap", [tuple, lambda views: views], ids=["in a tuple", "views"])
def test_aliases_see_each_other_where_clones_would_not(wrap):
    """Tensors that share memory, or hang on something unchangeable, are put back by value."""
    model = nn.Module()
    model.register_buffer("table", torch.zeros(4))
    model.kept = wrap([model.table, model.table[:2]])
    before = fingerprint(model)
    with untouched(model, parameters=False):
        model.kept[1].fill_(-0.0)
        assert bits(model.table)[:8] == bits(model.kept[1])
    assert fingerprint(model) == before


def test_a_kept_result_keeps_its_graph():
    """Writing to a result would give it another graph."""
    model, x = nn.Module(), torch.ones(2, requires_grad=True)
    model.state = x * 2
    with untouched(model):
        model.state.mul_(3)
    model.state.sum().backward()
    assert x.grad.tolist() == [2, 2]


@pytest.mark.filterwarnings("ignore")
def test_scripted_modules_keep_modes_and_values():
    """Their tables lie in C++."""

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.count, self.kept = nn.BatchNorm1d(2), 0, torch.zeros(2)

        def forward(self, x):
            self.count += 1
            self.kept += 1
            return self.norm(x)

    model = nn.ModuleList([torch.jit.script(Counting())])
    model[0].norm.eval()
    model[0].norm.weight.grad = torch.ones(2)
    before = fingerprint(model)
    for parameters in (True, False):
        with untouched(model, parameters=parameters):
            model.train()
            model[0](torch.randn(4, 2)).sum()
            model[0].eval()
        assert fingerprint(model) == before
        assert (model[0].count, model[0].kept.tolist()) == (0, [0, 0])
        assert (model[0].training, model[0].norm.training) == (True, False)


@pytest.mark.parametrize("calls", range(12))
def test_an_error_while_entering_loses_nothing(calls):
    """Memory may end at any copy."""
    model = Meddler()
    for p in model.parameters():
        p.grad = torch.ones_like(p)
    before, clone, left = fingerprint(model), torch.Tensor.clone, [calls]

    def limited(tensor, *args, **kwargs):
        left[0] -= 1
        if left[0] < 0:
            raise torch.OutOfMemoryError
        return clone(tensor, *args, **kwargs)

    with mock.patch.object(torch.Tensor, "clone", limited), pytest.raises(torch.OutOfMemoryError):
        untouched(model).__enter__()
    assert fingerprint(model) == before


def tensors():
    """One of each kind."""
    nan = torch.tensor([0x7FC00001, 0x7FC00002], dtype=torch.int32).view(torch.float32)
    found = {str(t): torch.zeros(3).to(t) for t in (torch.half, torch.bfloat16, torch.complex64, torch.bool)}
    found |= {"complex128": torch.zeros(2, dtype=torch.complex128), "meta": torch.zeros(2, device="meta")}
    found |= {"nan": nan, "float": torch.zeros(2), "scalar": torch.tensor(0.0), "empty": torch.zeros(0)}
    found |= {"coo": torch.eye(3).to_sparse(), "csr": torch.eye(3).to_sparse_csr()}
    found |= {"conj": torch.zeros(2, dtype=torch.complex64).conj(), "expanded": torch.zeros(1).expand(3)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found["quantised"] = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    found["strided"] = torch.zeros(4, 4)[::2, 1::2].t()
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", ["attribute", "buffer", "tuple"])
@pytest.mark.parametrize("kind", sorted(tensors()))
def test_every_kind_of_tensor_comes_back(kind, place):
    """Bit for bit, the sign of zero and a NaN's payload included."""
    model, tensor = nn.Module(), tensors()[kind]
    if place == "buffer":
        model.register_buffer("kept", tensor)
    else:
        model.kept = tensor if place == "attribute" else (tensor,)
    before = bits(tensor)
    with untouched(model):
        inside = model.kept[0] if place == "tuple" else model.kept
        if kind in ("coo", "csr"):
            inside.mul_(-1)
        elif kind == "quantised":
            inside.copy_(torch.zeros(3))
        elif kind == "torch.bool":
            inside.logical_not_()
        elif kind == "expanded":
            inside[:1].fill_(-0.0)
        else:
            inside.copy_(-tensor.abs() if not tensor.is_complex() else -tensor.clone())
    assert (model.kept[0] if place == "tuple" else model.kept) is tensor
    assert bits(tensor) == before


def test_bits_are_more_than_values():
    """Zeros have signs."""
    assert not same_bits(torch.tensor(0.0), torch.tensor(-0.0))
    assert same_bits(torch.tensor(torch.nan), torch.tensor(torch.nan))


def test_lazy_modules_are_lazy_again():
    """A first forward initialises them in place."""
    model = nn.Sequential(nn.LazyLinear(3), nn.LazyBatchNorm1d())
    for parameters in (True, False):
        before = fingerprint(model)
        with untouched(model, parameters=parameters):
            model(torch.randn(4, 2))
        assert fingerprint(model) == before
    assert model(torch.randn(4, 5)).shape == (4, 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [
        lambda m: nn.utils.parametrizations.spectral_norm(m[0]) and m,
        lambda m: nn.utils.spectral_norm(m[0]) and m,
        lambda m: nn.utils.weight_norm(m[0]) and m,
        lambda m: nn.utils.parametrizations.weight_norm(m[0]) and m,
        lambda m: torch.compile(m, backend="eager"),
        nn.DataParallel,
        lambda m: m.append(m[0]) and m,
        lambda m: torch.jit.trace(m, torch.randn(3, 4)),
        lambda m: torch.fx.symbolic_trace(m),
    ],
)
def test_wrapped_models_come_back(make):
    """With a forward, a backward and a change of mode inside, and still at work afterwards."""
    model = make(nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)))
    model(torch.randn(3, 4))
    before = fingerprint(model)
    for _ in range(2):
        with untouched(model):
            model(torch.randn(3, 4)).sum().backward()
            model.eval()
            model(torch.randn(3, 4))
        assert fingerprint(model) == before
    model(torch.randn(3, 4)).sum().backward()


def test_a_written_parameter_does_not_stop_a_pending_backward_pass():
    """Its values are those that the graph saved, and its version says so."""
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    loss = model(torch.randn(3, 4)).sum()
    with untouched(model), torch.no_grad():
        model[1].weight.mul_(2)
    loss.backward()


def test_large_attributes_cost_little_and_every_module_is_found():
    """A list longer than is read is put back, and nothing endless is followed."""
    model = Meddler()
    model.vocabulary, model.myself = list(range(200_000)), [model]
    model.memory = numpy.zeros((3, 3))[:, 1]
    with untouched(model):
        model.vocabulary.clear()
        model.memory[:] = 1
    assert len(model.vocabulary) == 200_000
    assert not model.memory.any()
    assert {type(m) for m in walk(model).modules} == {Meddler, nn.BatchNorm1d, nn.Linear}
    assert len(walk(model).modules) == 9
