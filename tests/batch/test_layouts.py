"""Batches of tensors that are no plain blocks of numbers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck.batch import bind, join
from evalcheck.batch.layouts import dense, rows
from evalcheck.probe import draw

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

X = torch.relu(torch.randn(12, 6, generator=torch.Generator().manual_seed(0)))
OTHER = torch.relu(torch.randn(12, 6, generator=torch.Generator().manual_seed(1)))
LAYOUTS = {
    "plain": lambda x: x,
    "coo": lambda x: x.to_sparse(),
    "csr": lambda x: x.to_sparse_csr(),
    "quantised": lambda x: torch.quantize_per_tensor(x, 0.01, 0, torch.qint32),
    "complex": lambda x: torch.complex(x, -x),
    "conjugate": lambda x: torch.complex(x, x).conj(),
    "jagged": lambda x: torch.nested.nested_tensor(list(x), layout=torch.jagged),
}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "jagged"])
def test_chosen_rows_have_their_numbers_in_every_layout(name):
    made, index = LAYOUTS[name](X), torch.tensor([3, 0, 7])
    chosen = rows(made, index)
    assert chosen.layout is made.layout
    assert torch.equal(dense(chosen), dense(made)[index])


def test_a_ragged_tensor_is_cut_and_never_written_out():
    ragged = torch.nested.nested_tensor([torch.ones(2), torch.ones(3), torch.ones(4)], layout=torch.jagged)
    assert [len(row) for row in rows(ragged, torch.tensor([2, 0])).unbind()] == [4, 2]
    assert dense(ragged) is None


@pytest.mark.parametrize("name", ["plain", "coo", "csr", "quantised", "complex", "conjugate"])
def test_the_same_samples_are_known_in_every_layout(name):
    """What judges a remedy must not have fed it."""

    def pool(x):
        model = nn.Identity()
        return draw([LAYOUTS[name](x)], model, "loader", device=torch.device("cpu"))

    assert pool(X).overlaps(pool(X))
    assert not pool(X).overlaps(pool(OTHER))


def test_sparse_batches_are_joined_and_compressed_ones_are_not():
    def batches(name):
        return [bind(LAYOUTS[name](part), nn.Identity(), None) for part in (X, OTHER)]

    joined = join(batches("coo"))
    assert joined is not None
    assert torch.equal(joined.args[0].to_dense(), torch.cat([X, OTHER]))
    assert join(batches("csr")) is None
    assert join(batches("jagged")) is None
