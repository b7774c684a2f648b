"""What an eval output depends on besides its own sample: said where it does, silent where it is rounding."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from evalcheck.batch import bind, join
from evalcheck.finding import Unanswerable
from evalcheck.probe import Pool
from evalcheck.probe.dependence.bench import SAMPLES, Bench
from evalcheck.probe.dependence.difference import relative
from evalcheck.probe.dependence.samples import Dependence
from evalcheck.probe.running.runner import Runner
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import mlp


def dependence(model: nn.Module, *raw: object, joined: bool = True) -> Dependence:
    """The room, on batches as a loader would give them."""
    batches = tuple(bind(one, model) for one in raw)
    pool = Pool("test", batches, join(batches) if joined else None, batches[0].size)
    return Dependence(Runner(model, 0), pool)


def inputs(count: int = 32, width: int = 12, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


class Centred(nn.Module):
    """Statistics of the batch: the order does not matter."""

    def forward(self, x):
        return x - x.mean(0)


class First(nn.Module):
    """Everybody against the first sample: the order matters."""

    def forward(self, x):
        return x - 0.5 * x[:1]


class Next(nn.Module):
    """Each sample gets a part of the one before."""

    def __init__(self, share: float = 1.0):
        super().__init__()
        self.share = share

    def forward(self, x):
        return x + self.share * x.roll(1, 0)


class Remembering(nn.Module):
    """What one forward leaves behind changes the next: the state's fault, not its mates'."""

    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return x * self.calls


def within(part: nn.Module) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 8), part, nn.ReLU(), nn.Linear(8, 3))


@pytest.mark.parametrize("part", [Centred, First, Next])
def test_mates_that_matter_are_found_in_their_module(part):
    seen = dependence(within(part()), inputs()).mates()
    assert seen.real
    assert seen.replaced.real
    assert seen.replaced.module == "1"


@pytest.mark.parametrize("count", range(4, 15))
def test_statistics_are_seen_where_a_batch_of_one_is_refused(count):
    model = within(nn.BatchNorm1d(8, track_running_stats=False))
    seen = dependence(model, inputs(count)).batch_sizes()
    assert any(difference.real and difference.module == "1" for difference in seen)


def test_only_what_the_order_changes_is_laid_at_the_order():
    assert not dependence(within(Centred()), inputs()).mates().reordered.real
    assert dependence(within(First()), inputs()).mates().reordered.module == "1"


def test_who_influences_whom_is_shown():
    table = torch.tensor(dependence(nn.Sequential(Next(0.5)), inputs()).mates().table)
    assert torch.allclose(table.diagonal(), torch.ones(4))
    assert (table.diagonal(1) > 0.1).all()  # sample i reaches sample i + 1
    assert table[0, 2:].sum() == 0


@settings(max_examples=8, deadline=None)
@given(share=st.floats(0.01, 1), count=st.integers(2, 40), seed=st.integers(0, 99))
def test_mates_are_seen_at_any_share_and_number_of_samples(share, count, seed):
    assert dependence(nn.Sequential(Next(share)), inputs(count, seed=seed)).mates().real


@settings(max_examples=15, deadline=None)
@given(count=st.integers(2, 40), width=st.integers(1, 40), seed=st.integers(0, 99))
def test_samples_on_their_own_are_silent_in_every_question(count, width, seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(width, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 2))
    room = dependence(model, inputs(count, width, seed))
    assert not room.repetition(1e-5).real
    assert not any(seen.real for seen in room.batch_sizes())
    assert not room.mates().real
    assert not any(contrast.seen.real for contrast in room.gradient_modes(1e-4))
    assert room.padding(1e-3) is None


def test_a_model_that_hardly_depends_on_its_input_does_not_hide_its_mates():
    """A hundredth of a small effect is found though it is a millionth of the output."""

    class Faint(nn.Module):
        def forward(self, x):
            return 1 + 1e-2 * (x + x.roll(1, 0))

    assert dependence(nn.Sequential(Faint()), inputs()).mates().real


def test_state_that_a_forward_leaves_behind_is_not_blamed_on_mates_or_sizes():
    room = dependence(within(Remembering()), inputs())
    assert not room.repetition(1e-5).real
    assert not room.batch_sizes()[0].real
    assert not room.mates().real
    assert not any(contrast.seen.real for contrast in room.gradient_modes(1e-4))


def test_noise_from_one_seed_does_not_look_like_mates():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    room = dependence(within(Noisy()), inputs())
    assert room.repetition(1e-5).module == "1"
    assert not room.mates().real
    with pytest.raises(Unanswerable, match="differs from itself"):
        room.batch_sizes()


def test_a_hard_choice_that_magnifies_rounding_is_no_dependence():
    """In float64 the outputs agree: it was the kernels' last digits."""

    class Choosing(nn.Module):
        def forward(self, x):
            return torch.frac(1e7 * (x @ x.new_ones(x.shape[1], 1) / 3))

    room = dependence(nn.Sequential(nn.Linear(300, 600), Choosing()), inputs(32, 300))
    assert not room.batch_sizes()[0].real
    assert not room.mates().real


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_allowed_its_last_digits(dtype):
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(64, 64) for _ in range(12)), nn.LayerNorm(64), nn.Linear(64, 3)).to(
        dtype
    )
    room = dependence(model, inputs(32, 64).to(dtype))
    assert not any(seen.real for seen in room.batch_sizes())
    assert not room.mates().real
    with pytest.raises(Unanswerable, match="half precision"):
        room.autocast(0.2, 0.025)


def test_batch_statistics_in_half_precision_are_still_found():
    assert dependence(within(Centred()).bfloat16(), inputs().bfloat16()).batch_sizes()[0].real


def test_models_that_cannot_be_run_in_float64_are_held_against_their_rounding():
    class Narrow(nn.Module):
        def forward(self, x):
            return x.float() @ torch.eye(8, dtype=torch.float32) - x.mean(0).float()

    model = nn.Sequential(nn.Linear(12, 8), Narrow(), nn.Linear(8, 3, dtype=torch.float32))
    assert dependence(model, inputs()).batch_sizes()[0].real


def test_samples_of_ragged_batches_are_compared_within_their_batch():
    """Texts of another length in every batch cannot be put together, but one batch can be cut."""
    model = nn.Sequential(nn.Flatten(2), nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(12, 2), Centred())
    room = dependence(model, torch.randn(16, 3, 9), torch.randn(16, 3, 7), joined=False)
    assert room.batch_sizes()[0].module == "4"


def test_a_model_of_one_size_is_asked_in_that_size():
    class Fixed(nn.Module):
        def forward(self, x):
            return (x.reshape(16, 12) - x[:1]).reshape(16, 12)

    room = dependence(nn.Sequential(Fixed()), inputs(48).split(16)[0], *inputs(48).split(16)[1:])
    assert room.bench.batch.size == 16
    assert room.mates().reordered.module == "0"
    with pytest.raises(Unanswerable):
        room.batch_sizes()


def test_nodes_of_a_graph_are_not_asked():
    class Graph(nn.Module):
        def forward(self, x, edges):
            return torch.zeros_like(x).index_add(0, edges[1], x[edges[0]])

    edges = torch.randint(0, 16, (2, 40), generator=torch.Generator().manual_seed(0))
    room = dependence(Graph(), (inputs(16), edges, torch.zeros(16)))
    with pytest.raises(Unanswerable, match="relates samples"):
        room.mates()


def test_time_first_is_told_from_samples_by_the_targets():
    """The same net on the same numbers: right where the second dimension is that of the targets."""

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn = nn.GRU(12, 12)

        def forward(self, x):
            return self.rnn(x)[0]

    steps = torch.randn(16, 5, 12)
    assert dependence(Tagger(), (steps, torch.zeros(16))).mates().worst.module == "rnn"
    assert dependence(Tagger(), (steps, torch.zeros(16))).takes_time_first("rnn")
    with pytest.raises(Unanswerable, match="may be time"):
        dependence(Tagger(), (steps, torch.zeros(5))).mates()


def test_a_module_in_a_list_is_named_by_who_calls_it():
    """A list has no forward: the noise is made by the module that goes through it."""

    class Prenet(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(12, 12) for _ in range(2)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(nn.functional.dropout(x, 0.5, training=True))
            return x

    assert dependence(nn.Sequential(Prenet()), inputs()).repetition(1e-5).module == "0"


def test_numpys_noise_is_seen_in_a_repetition():
    import numpy

    class Jitter(nn.Module):
        def forward(self, x):
            return x + torch.from_numpy(numpy.random.randn(*x.shape)).to(x.dtype)

    assert dependence(within(Jitter()), inputs()).repetition(1e-5).module == "1"


def test_the_model_and_the_generators_are_as_they_were_whatever_was_asked():
    model = nn.Sequential(within(First()), nn.BatchNorm1d(3, track_running_stats=False), Remembering())
    model.train()
    numbers, before = inputs(), fingerprint(model)
    room = dependence(model, numbers)
    room.repetition(1e-5)
    room.batch_sizes()
    room.mates()
    room.gradient_modes(1e-4)
    room.autocast(0.2, 0.025)
    assert fingerprint(model) == before


def test_all_questions_together_cost_less_than_a_pass_over_the_pool():
    room = dependence(mlp(), inputs(256).split(32)[0], *inputs(256).split(32)[1:])
    room.repetition(1e-5)
    room.batch_sizes()
    room.mates()
    room.gradient_modes(1e-4)
    room.padding(1e-3)
    room.autocast(0.2, 0.025)
    assert room.bench.batch.size == SAMPLES
    assert room.run.samples_run <= 8 * SAMPLES


def test_infinity_in_both_is_no_difference():
    masked = torch.tensor([[0.0, -torch.inf], [1.0, 2.0]])
    assert relative(masked, masked.clone()) == 0
    assert relative(masked, masked + 1e-3) > 0
    assert relative(torch.zeros(2, 2), torch.full((2, 2), torch.nan)) != 0


def test_the_last_digits_of_the_weights_measure_rounding():
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(64, 64) for _ in range(4)))
    room = dependence(model, inputs(32, 64))
    before = fingerprint(model)
    assert 1e-9 < Bench(room.run, room.pool).rounding < 1e-5
    assert fingerprint(model) == before
