"""Buffers of several ranks as one: against statistics of all their samples."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.complaint import Complaint
from evalcheck.remedies.rank_merge import merged


def norm_state(samples):
    """The state of a norm whose statistics are exactly those of some samples."""
    return {
        "norm.weight": torch.ones(samples.shape[1]),
        "norm.running_mean": samples.mean(0),
        "norm.running_var": samples.var(0, correction=0),
        "norm.num_batches_tracked": torch.tensor(len(samples)),
    }


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    seed=st.integers(0, 10_000),
    shift=st.floats(-1000, 1000),
)
def test_the_statistics_are_those_of_all_samples_together(sizes, seed, shift):
    generator = torch.Generator().manual_seed(seed)
    parts = [
        torch.randn(n, 3, generator=generator, dtype=torch.float64) * rank + shift * rank
        for rank, n in enumerate(sizes, 1)
    ]
    found = merged([norm_state(part) for part in parts], sizes)
    whole = torch.cat(parts)
    size = 1 + whole.square().mean()
    assert torch.allclose(found["norm.running_mean"], whole.mean(0), atol=1e-12 * size)
    assert torch.allclose(found["norm.running_var"], whole.var(0, correction=0), atol=1e-12 * size)
    assert int(found["norm.num_batches_tracked"]) == max(sizes)


def test_without_counts_all_ranks_weigh_the_same():
    states = [norm_state(torch.full((2, 1), value)) for value in (0.0, 4.0)]
    found = merged(states)
    assert (float(found["norm.running_mean"]), float(found["norm.running_var"])) == (2.0, 4.0)


def test_types_stay_and_the_states_are_not_touched():
    half = norm_state(torch.tensor([[1.0], [3.0]], dtype=torch.float16))
    before = {name: value.clone() for name, value in half.items()}
    found = merged([half, half])
    assert found["norm.running_var"].dtype == torch.float16
    assert all(torch.equal(before[name], half[name]) for name in half)
    found["norm.weight"].zero_()
    assert torch.equal(half["norm.weight"], before["norm.weight"])


def test_the_result_loads_into_the_model():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    states = []
    for _ in range(3):
        model(torch.randn(8, 3))
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    model.load_state_dict(merged(states))
    assert int(model[1].num_batches_tracked) == 3


def test_the_first_parameter_that_differs_is_named():
    one, two = (nn.Linear(2, 2).state_dict() for _ in range(2))
    with pytest.raises(Complaint, match=r"'weight' of rank 1 .* only running statistics"):
        merged([one, two])


def test_parameters_that_are_nan_everywhere_agree():
    state = {"weight": torch.tensor([float("nan"), 1.0])}
    assert merged([state, state])["weight"].isnan().tolist() == [True, False]


@pytest.mark.parametrize(
    ("states", "counts", "told"),
    [
        ([], None, "no state"),
        ([{"a": torch.ones(1)}, {"b": torch.ones(1)}], None, "'a' is in one only"),
        ([{"a": torch.ones(1)}, {"a": torch.ones(2)}], None, "differ in shape"),
        ([{"a": torch.ones(1)}], [1, 2], "1 states and 2 counts"),
        ([{"a": torch.ones(1)}], [0], "one above"),
        ([{"running_var": torch.ones(1)}], None, "no 'running_mean'"),
    ],
)
def test_what_does_not_fit_is_said(states, counts, told):
    with pytest.raises(Complaint, match=told):
        merged(states, counts)
