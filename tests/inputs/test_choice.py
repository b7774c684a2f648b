"""An input is made up for nets that come without a loader."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalcheck.batch import tree
from evalcheck.inputs import choose, search
from tests.inputs import nets

L, C = nn.Linear, nn.Conv2d
CASES: dict[str, tuple[Callable[[], nn.Module], list[tuple[int, ...]]]] = {
    "mlp": (lambda: nn.Sequential(L(20, 8), nn.BatchNorm1d(8), L(8, 3)), [(8, 20)]),
    "a mean over time": (lambda: nn.Sequential(L(7, 8), nn.LSTM(8, 4, batch_first=True)), [(8, 7)]),
    "flattened digits": (lambda: nn.Sequential(nn.Flatten(), L(784, 10)), [(8, 784)]),
    "lenet": (nets.LeNet, [(8, 3, 32, 32)]),
    "rows of samples": (nets.Viewed, [(8, 3, 32, 32)]),
    "digits": (lambda: nn.Sequential(C(1, 2, 3), C(2, 2, 3), nn.Flatten(), L(1152, 9)), [(8, 1, 28, 28)]),
    "photographs": (
        lambda: nn.Sequential(C(3, 2, 1), nn.MaxPool2d(32), nn.Flatten(), L(98, 9)),
        [(8, 3, 224, 224)],
    ),
    "words": (nets.Words, [(8, 16), (8,)]),
    "patches": (nets.Patches, [(8, 3, 28, 28)]),
    "two arguments": (nets.TwoArguments, [(8, 3, 64, 64), (8, 5)]),
    "a mapping": (nets.Mapped, [(8, 3, 64, 64), (8, 5)]),
    "a pair": (nets.Paired, [(8, 3, 64, 64), (8, 5)]),
    "a conditional generator": (nets.Conditional, [(8, 20), (8,)]),
    "a denoiser": (nets.Denoiser, [(8, 3, 64, 64), (8,)]),
    "columns of one table": (nets.Offsets, [(8, 3)]),
    "values decide": (nets.Deciding, [(8, 9)]),
    "an axis is added": (nets.Unsqueezed, [(8, 64, 64)]),
    "channels last": (nets.ChannelsLast, [(8, 64, 64, 5)]),
    "registered in another order": (nets.Disordered, [(8, 3, 64, 64)]),
    "a bare matrix": (nets.Bare, [(8, 37)]),
    "a generator": (lambda: nn.Sequential(nn.ConvTranspose2d(9, 4, 4), nn.BatchNorm2d(4)), [(8, 9, 1, 1)]),
    "sound": (lambda: nn.Sequential(nn.Conv1d(1, 4, 80, 16), nn.AdaptiveAvgPool1d(1)), [(8, 1, 256)]),
    "film": (lambda: nn.Sequential(nn.Conv3d(3, 4, 3), nn.AdaptiveAvgPool3d(1)), [(8, 3, 16, 64, 64)]),
    "time first": (lambda: nn.LSTM(12, 4), [(16, 8, 12)]),
    "queries and keys": (lambda: nn.MultiheadAttention(8, 2, batch_first=True), [(8, 16, 8)] * 3),
    "source and target": (lambda: nn.Transformer(8, 2, 1, 1, 16), [(16, 8, 8)] * 2),
    "a norm first": (lambda: nn.Sequential(nn.BatchNorm1d(13), L(13, 2)), [(8, 13)]),
}


@pytest.mark.parametrize("name", CASES)
def test_the_made_up_input_fits(name: str) -> None:
    """The model runs on it in both modes; the shapes are those that one would choose."""
    build, shapes = CASES[name]
    model = build()
    batch = choose(model).batch
    assert batch is not None
    assert [tuple(t.shape) for _, t in tree.leaves([batch.args, batch.kwargs])] == shapes
    assert batch.size == 8
    for training in (True, False):
        batch.run(model.train(training))


@pytest.mark.parametrize("name", CASES)
def test_the_model_and_the_generators_are_as_they_were(name: str) -> None:
    """Parameters and buffers keep their place, version and value, modules their mode and attributes."""
    model = CASES[name][0]()
    before, state = _state(model), torch.get_rng_state()
    choose(model)
    assert _state(model) == before
    assert torch.equal(torch.get_rng_state(), state)


def _state(model: nn.Module) -> list[Any]:
    tensors = [*model.named_parameters(), *model.named_buffers()]
    held = [(name, t.data_ptr(), t._version, t.detach().sum().item()) for name, t in tensors]
    return [*held, *((m.training, sorted(vars(m))) for m in model.modules())]


def test_the_same_seed_gives_the_same_values() -> None:
    """Another seed gives others."""
    model = nets.TwoArguments()
    one, two, other = (choose(model, seed=seed).batch for seed in (0, 0, 1))
    assert one is not None
    assert two is not None
    assert other is not None
    assert all(torch.equal(a, b) for a, b in zip(one.args, two.args, strict=True))
    assert not torch.equal(one.args[0], other.args[0])


def test_the_origin_names_the_layer() -> None:
    """In words that the report can print."""
    assert choose(nn.Sequential(nn.Linear(20, 8))).told.startswith(
        "from the first layer 0: Linear(in_features=20"
    )
    assert "for no layer tells" in choose(nets.Bare()).told


def test_given_tensors_are_taken_as_they_are() -> None:
    """Nothing is tried: a refusal is then the user's to hear."""
    given = torch.zeros(3, 99)
    choice = choose(nn.Linear(4, 2), [given])
    assert choice.batch is not None
    assert choice.batch.args[0] is given
    assert (choice.batch.size, choice.given) == (3, True)
    assert choice.note == "the input is random numbers of the given shape (--input 3x99 float32)"


def test_a_graph_is_not_made_up() -> None:
    """Said in one line, with the way out."""
    choice = choose(nets.Graph())
    assert choice.batch is None
    assert choice.told == "no loader, and a graph (edge_index) cannot be made up: pass --loader"


def test_a_model_that_refuses_everything_says_why() -> None:
    """Its own words are quoted."""
    choice = choose(nets.Never())
    assert choice.batch is None
    assert "(ValueError: not today): pass --loader or --input" in choice.told


def test_norms_get_more_than_a_handful_of_values() -> None:
    """A net that divides by 64 would be left with 8 values per channel by a picture of 64."""
    sizes = []
    for steps in (3, 6):
        batch = choose(nets.halving(steps)).batch
        assert batch is not None
        sizes.append(batch.args[0].shape[-1])
    assert sizes == [64, 96]


LAZY: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.LazyLinear(4), (8, 16)),
    (lambda: nn.LazyConv1d(4, 3), (8, 1, 256)),
    (lambda: nn.LazyConv2d(4, 3), (8, 3, 64, 64)),
    (lambda: nn.LazyConv3d(4, 3), (8, 3, 16, 64, 64)),
    (lambda: nn.LazyConvTranspose2d(4, 3), (8, 16, 1, 1)),
    (lambda: nn.LazyBatchNorm1d(), (8, 16)),
    (lambda: nn.LazyBatchNorm2d(), (8, 3, 64, 64)),
]


@pytest.mark.parametrize(("build", "shape"), LAZY)
def test_a_lazy_first_layer_gets_a_usual_width_and_stays_lazy(
    build: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    """It takes any, none too; that the width was chosen is said."""
    model = nn.Sequential(build(), nn.Flatten(), nn.LazyLinear(2))
    choice = choose(model)
    assert choice.batch is not None
    assert choice.batch.args[0].shape == shape
    assert (
        f"0 is lazy: its number of {'features' if 16 in shape[:2] else 'channels'} is unknown" in choice.told
    )
    assert f"and {shape[1]} was chosen" in choice.told
    assert isinstance(model[0], type(build()))


def test_a_lazy_layer_that_has_run_knows_its_width() -> None:
    """Nothing is chosen then."""
    model = nn.Sequential(nn.LazyLinear(4))
    model(torch.zeros(2, 7))
    choice = choose(model)
    assert choice.batch is not None
    assert choice.batch.args[0].shape == (8, 7)
    assert "chosen" not in choice.told


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_nothing_is_made_up_that_is_empty() -> None:
    """A layer of width 0 would take it, and prove nothing."""
    assert choose(nn.Linear(0, 4)).batch is None


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Linear(4, 4), "8x4"),
        (lambda: nn.Conv1d(2, 4, 3), "8x2x256"),
        (lambda: nn.Embedding(50, 4), "8x16:int64<50"),
        (lambda: nn.Identity(), "8x3x224x224"),
    ],
)
def test_the_way_out_names_a_shape_of_the_kind_that_the_first_layer_takes(
    layer: Callable[[], nn.Module], shape: str
) -> None:
    """Whether the layer was reached before the model raised or not."""

    class Refusing(nn.Module):
        def __init__(self, early: bool) -> None:
            super().__init__()
            self.early, self.first, self.later = early, layer(), nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            x = x if self.early else self.first(x)
            raise ValueError("not today")

    for early in (True, False):
        model = Refusing(early)
        if shape == "8x3x224x224":
            del model.later
        assert f"(such as --input {shape})" in choose(model).told


def test_nothing_is_printed_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """Reports go there, and what models print must not stand among them."""

    class Loud(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            print("shape", x.shape)
            return super().forward(x)

    assert choose(Loud(4, 2)).batch is not None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_numbers_have_the_models_type(dtype: torch.dtype) -> None:
    """A layer of another type would refuse them."""
    batch = choose(nn.Linear(4, 2).to(dtype)).batch
    assert batch is not None
    assert batch.args[0].dtype is dtype


def test_without_time_what_is_declared_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of many billions of parameters; where nothing is declared, that is said."""
    monkeypatch.setattr(search, "SECONDS", -1.0)
    model = nn.Linear(4, 2)
    assert "it takes too long to try inputs on it: pass --loader" in choose(model).told
    model.example_input_array = torch.randn(1, 4)
    batch = choose(model).batch
    assert batch is not None
    assert batch.size == 8


def test_samples_that_lie_along_the_second_axis_are_said() -> None:
    """They are not told apart by the probe."""
    assert "time first" in choose(nn.LSTM(12, 4)).told
