"""Gradient modes, half precision and padding: what of them an eval output depends on."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck.batch import bind
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.fingerprints import distances, fingerprints
from evalcheck.probe.dependence.sequences import recognised
from tests.probe.nets import mlp
from tests.probe.test_dependence import Centred, dependence, inputs, within


def mask(count: int = 16, length: int = 6) -> torch.Tensor:
    """True at padding, which follows the data; the first sample has none."""
    ends = torch.randint(2, length, (count, 1), generator=torch.Generator().manual_seed(0))
    ends[0] = length
    return torch.arange(length)[None] >= ends


def encoder() -> nn.TransformerEncoder:
    torch.manual_seed(0)
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 2)


class Pooled(nn.Module):
    """A mean over all positions, or over those that hold data."""

    def __init__(self, masked: bool):
        super().__init__()
        self.encoder, self.masked = encoder(), masked

    def forward(self, x, src_key_padding_mask):
        x = self.encoder(x, src_key_padding_mask=src_key_padding_mask)
        keep = (~src_key_padding_mask).float()[..., None] if self.masked else torch.ones_like(x[..., :1])
        return (x * keep).sum(1) / keep.sum(1)


SEQUENCES = (torch.randn(16, 6, 16, generator=torch.Generator().manual_seed(0)), mask(), torch.zeros(16))


def test_the_fast_path_is_named_where_padding_counts():
    with_gradients, inferring = dependence(Pooled(False), SEQUENCES).gradient_modes(1e-4)
    assert with_gradients.seen.real
    assert with_gradients.seen.module == "encoder"
    assert with_gradients.without_fast_path
    assert not inferring.seen.real


def test_the_fast_path_is_fine_where_padding_is_masked():
    room = dependence(Pooled(True), SEQUENCES)
    assert not any(contrast.seen.real for contrast in room.gradient_modes(1e-4))


def test_a_difference_at_padding_only_is_told_from_one_in_the_data():
    batch = {"src": SEQUENCES[0], "src_key_padding_mask": SEQUENCES[1]}
    contrast = dependence(encoder(), batch).gradient_modes(1e-4)[0]
    assert contrast.seen.real
    assert contrast.valid is not None
    assert contrast.valid < 1e-5


def test_inference_mode_is_a_mode_of_its_own():
    class Asking(nn.Module):
        def forward(self, x):
            return x * (2 if torch.is_inference_mode_enabled() else 1)

    with_gradients, inferring = dependence(within(Asking()), inputs()).gradient_modes(1e-4)
    assert not with_gradients.seen.real
    assert inferring.seen.module == "1"


def test_mates_padding_that_the_fast_path_lets_through_is_no_surprise():
    """Without hooks the encoder takes its fast path: the room runs it as users do."""
    assert not dependence(Pooled(True), SEQUENCES).mates().real


@pytest.mark.parametrize("masked", [True, False])
def test_more_padding_matters_only_to_a_mean_over_all(masked):
    seen = dependence(Pooled(masked), SEQUENCES).padding(1e-3)
    assert seen is not None
    assert seen.seen.real is not masked


def test_padding_in_front_is_taken_off_in_front():
    class Last(nn.Module):
        def forward(self, x, attention_mask):
            return x[:, -1] + x[:, :1].flatten(1) * 0

    left = (~mask()).flip(1).long()
    sequences = recognised(bind({"x": SEQUENCES[0], "attention_mask": left}, Last()), Last())
    assert sequences is not None
    assert sequences.left
    shorter, whole = sequences.trimmed()
    assert torch.equal(shorter.batch.kwargs["x"][:, -1], whole.kwargs["x"][:, -1])
    assert shorter.length < 6
    more = sequences.padded(3).kwargs["attention_mask"]
    assert more.shape == (16, 9)
    assert not more[:, :3].any()


@pytest.mark.parametrize("name", ["lengths", "mask", "padding_mask", "attention_mask"])
def test_masks_are_recognised_by_name_and_read_as_they_are_meant(name):
    kept = ~mask()
    value = {"lengths": kept.sum(1), "mask": kept, "padding_mask": ~kept, "attention_mask": kept.long()}[name]
    found = recognised(bind({"x": SEQUENCES[0], name: value}, Named()), Named())
    assert found is not None
    assert torch.equal(found.valid, kept)


class Named(nn.Module):
    def forward(self, x, lengths=None, mask=None, padding_mask=None, attention_mask=None):
        return x


def test_a_mask_of_pixels_or_of_floats_is_not_taken_for_padding():
    for value in (torch.rand(16, 6), torch.ones(16, 6, 6), torch.randint(0, 3, (16, 6))):
        assert recognised(bind({"x": SEQUENCES[0], "mask": value}, Named()), Named()) is None


def test_token_numbers_of_which_nothing_says_what_is_padding_leave_a_gap():
    """Silence would say that padding was looked at; pictures have none to look at."""
    reader = nn.Sequential(nn.Embedding(20, 8), nn.Flatten(), nn.Linear(48, 2))
    with pytest.raises(Unanswerable, match="token numbers"):
        dependence(reader, torch.randint(2, 20, (16, 6))).padding(1e-3)
    assert dependence(nn.Flatten(), torch.rand(16, 6, 6)).padding(1e-3) is None


def test_a_whole_mapping_that_a_model_takes_is_read_too():
    class Whole(nn.Module):
        def forward(self, batch):
            return batch["x"].mean(1)

    batch = {"x": SEQUENCES[0], "mask": (~mask()).long(), "extra": torch.zeros(16)}
    seen = dependence(Whole(), batch).padding(1e-3)
    assert seen is not None
    assert seen.seen.real


def test_a_value_that_bfloat16_loses_is_laid_at_its_module():
    class Root(nn.Module):
        def forward(self, x):
            weight = torch.full((x.shape[1], 1), 1 / x.shape[1])
            return (x - x @ weight) / ((x * x) @ weight - (x @ weight) ** 2).sqrt()

    halved = dependence(nn.Sequential(Root(), nn.Linear(12, 2)), 30 + inputs()).autocast(0.2, 0.025)
    assert not halved.finite
    assert halved.seen.module == "0"


def test_a_common_offset_does_not_hide_what_bfloat16_loses():
    class Offset(nn.Module):
        def forward(self, x):
            return 10 + 0.1 * (x + 300 - 300 * torch.ones(1, 1).mm(torch.ones(1, 1)).to(x.dtype))

    torch.manual_seed(0)
    halved = dependence(nn.Sequential(nn.Linear(12, 8), Offset()), inputs()).autocast(0.2, 0.0)
    assert halved.spread > halved.seen.size


def test_healthy_nets_are_silent_under_autocast():
    torch.manual_seed(0)
    assert not dependence(mlp(), inputs()).autocast(0.2, 0.025).seen.real


def test_noise_is_a_gap_for_the_other_questions():
    class Noisy(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    room = dependence(within(Noisy()), inputs())
    for ask in (
        lambda: room.gradient_modes(1e-4),
        lambda: room.padding(1e-3),
        lambda: room.autocast(0.2, 0.1),
    ):
        with pytest.raises(Unanswerable, match="differs from itself"):
            ask()


def test_sketches_estimate_distances_of_any_size():
    for width in (1, 7, 4096, 20_000):
        one = torch.randn(4, width, generator=torch.Generator().manual_seed(width))
        two = one + 1e-3 * torch.randn(4, width, generator=torch.Generator().manual_seed(1))
        found = [prints_of(tensor) for tensor in (one, two)]
        assert 2e-4 < float(distances(*found)) < 3e-3
        assert float(distances(found[0], found[0])) == 0


def prints_of(tensor):
    model = nn.Identity()
    with fingerprints(model) as record:
        model(tensor)
    return record[0]


def test_statistics_of_the_batch_are_named_once():
    """One fault, one finding: sizes tell of statistics, mates of what the order changes."""
    from evalcheck import checks, rulebook
    from evalcheck.probe import Trial

    def told(model):
        batches = tuple(bind(part, model) for part in inputs(64).split(32))
        from evalcheck.batch import join
        from evalcheck.probe import Pool

        trial = Trial(model, Pool("test", batches, join(batches), 32))
        rules = ("batch-size-dependent-eval", "batch-mate-dependent-eval")
        return [r for r in rules if list(checks.find("probe", r)(trial, dict(rulebook.find(r).options)))]

    class Turned(nn.Module):
        def forward(self, x):
            return x + x.flip(0)

    assert told(within(Centred())) == ["batch-size-dependent-eval"]
    assert told(within(Turned())) == ["batch-mate-dependent-eval"]
