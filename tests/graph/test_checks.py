"""One fault is one finding; what cannot be judged is a gap."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evalcheck import checks
from evalcheck.engine import Answers, ask, conclude
from evalcheck.finding import Finding, Gap, Measure, Table
from evalcheck.graph import read
from evalcheck.settings import Settings


def asked(
    model: nn.Module, batch: Tensor | None, rule: str, *, synthetic: bool = False, options: Any = None
) -> tuple[tuple[Finding, ...], list[Gap]]:
    """Findings and gaps of one rule about one model."""
    settings = Settings(select=frozenset([rule]), options={rule: options or {}})
    answers = Answers()
    graph = read(model, (lambda m: m(batch)) if batch is not None else None, synthetic=synthetic)
    ask(answers, settings, "graph", graph, checks.find)
    assert answers.faults == []
    return conclude(answers, settings), answers.gaps


class Block(nn.Module):
    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(width, width)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.fc(x)).relu()


def trained(count: int = 20) -> nn.Sequential:
    """Blocks whose scales and shifts were learned while the statistics stood still."""
    model = nn.Sequential(*(Block() for _ in range(count)))
    for block in model:
        nn.init.normal_(block.norm.bias)
    return model


def test_many_norms_are_one_finding() -> None:
    """The first is the place, the others follow, the table is cut and says how much is missing."""
    (finding,), gaps = asked(trained(), torch.randn(8, 4), "statistics-never-updated")
    assert gaps == []
    (sighting,) = finding.sightings
    assert finding.severity == "error"
    assert finding.place.module == "0.norm"
    assert finding.place.span is not None
    assert finding.place.span.text == "self.norm = nn.BatchNorm1d(width)"
    assert len(sighting.others) == 19
    table = next(item for item in sighting.evidence if isinstance(item, Table))
    assert len(table.rows) == 13
    assert table.rows[-1][0] == "and 8 more"
    assert "20 norms" in finding.message


def test_new_head_on_a_trained_body_is_milder() -> None:
    """A part with scale and shift at their start may just be new."""
    model = trained(2)
    for block in model:
        block.norm.running_mean.normal_()
    model.append(nn.BatchNorm1d(4))
    (finding,), _ = asked(model, torch.randn(8, 4), "statistics-never-updated")
    assert finding.severity == "warning"
    assert [p.module for p in finding.sightings[0].places] == ["2"]


@pytest.mark.parametrize("rule", ["statistics-never-updated", "statistics-underconverged"])
def test_new_model_is_a_gap(rule: str) -> None:
    """Nothing was trained: there is nothing to judge, and that is said."""
    findings, (gap,) = asked(nn.Sequential(Block()), torch.randn(8, 4), rule)
    assert findings == ()
    assert gap.reason == "the model is freshly initialised: nothing was trained or loaded"


def test_norm_that_is_never_called_is_left_alone() -> None:
    """Its statistics cannot move, and nothing uses them."""

    class Spare(Block):
        def __init__(self) -> None:
            super().__init__()
            self.spare = nn.BatchNorm1d(4)
            nn.init.normal_(self.spare.bias)
            self.norm.running_mean.normal_()

    assert asked(Spare(), torch.randn(8, 4), "statistics-never-updated") == ((), [])


def test_underconverged_says_how_far_and_how_long() -> None:
    """The weight of the start, the batches that it takes, and that calls are not batches."""

    class Twice(Block):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(super().forward(x))

    model, batch = Twice(), torch.randn(8, 4)
    for _ in range(5):
        model(batch)
    (finding,), _ = asked(model, batch, "statistics-underconverged")
    weight, needed = [item for item in finding.evidence if isinstance(item, Measure)]
    assert weight.value == pytest.approx(0.9**10)
    assert needed.value == 44
    assert "called 2 times per forward" in finding.message
    assert asked(model, batch, "statistics-underconverged", options={"weight": 0.4}) == ((), [])


def test_counter_that_lies_is_silent() -> None:
    """Momentum None and 0, a lost counter, and a variance too small for the start to be in it."""
    for momentum, count, variance in ((None, 3, 1.0), (0.0, 3, 1.0), (0.1, 0, 2.0), (0.1, 3, 0.5)):
        model = nn.Sequential(nn.BatchNorm1d(4, momentum=momentum))
        nn.init.normal_(model[0].bias)
        model[0].running_mean.normal_()
        model[0].running_var.fill_(variance)
        model[0].num_batches_tracked.fill_(count)
        assert asked(model, torch.randn(8, 4), "statistics-underconverged") == ((), [])


def test_shared_norm_is_a_hypothesis() -> None:
    """From the graph alone a note, with the lines of the calls."""

    class Shared(Block):
        def forward(self, x: Tensor) -> Tensor:
            first = self.norm(x)
            return first + self.norm(x * 2)

    (finding,), _ = asked(Shared(), torch.randn(8, 4), "shared-batchnorm")
    assert finding.severity == "note"
    assert "2 times" in finding.message
    quoted = [q.place.span.text for q in finding.evidence if hasattr(q, "role")]
    assert quoted[1:] == ["first = self.norm(x)", "return first + self.norm(x * 2)"]


def test_dropout_path_is_quoted_and_measured() -> None:
    """Both ends, the ratio that theory predicts, and one finding for all blocks of one class."""

    class Dropped(Block):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            return super().forward(self.drop(x))

    model, batch = nn.Sequential(*(Dropped() for _ in range(3))), torch.randn(8, 4)
    (finding,), _ = asked(model, batch, "dropout-before-batchnorm")
    assert finding.severity == "warning"
    assert finding.place.module == "0.drop"
    assert {p.module for p in finding.sightings[0].others} >= {"0.norm", "2.drop", "2.norm"}
    assert next(i for i in finding.evidence if isinstance(i, Measure)).value == 2.0
    findings, (gap,) = asked(nn.Sequential(Dropped()), torch.randn(1, 4), "dropout-before-batchnorm")
    assert findings == () or "stopped early" in gap.reason
    assert asked(model, batch, "dropout-before-batchnorm", options={"ratio": 3.0})[0] == ()


def test_dropouts_whose_lines_are_unknown_are_one_finding() -> None:
    """Three blocks from one helper are one fault; another rate, or another class of norm, is another."""

    def block(rate: float = 0.5) -> nn.Sequential:
        return nn.Sequential(nn.Linear(4, 4), nn.Dropout(rate), nn.BatchNorm1d(4))

    batch, rule = torch.randn(8, 4), "dropout-before-batchnorm"
    model = nn.Sequential(block(), block(), block())
    assert read(model, lambda m: m(batch)).built("0.1") is None
    (finding,), _ = asked(model, batch, rule)
    (sighting,) = finding.sightings
    assert "(3 norms are met in this way)" in finding.message
    assert {p.module for p in sighting.places} == {f"{n}.{m}" for n in range(3) for m in (1, 2)}
    assert next(i for i in finding.evidence if isinstance(i, Table)).caption == "3 paths"
    flat = nn.Sequential(*(layer for _ in range(3) for layer in block()))
    assert len(asked(flat, batch, rule)[0]) == 1
    assert len(asked(nn.Sequential(block(), block(0.2), block()), batch, rule)[0]) == 2


def test_synthetic_shape_is_a_hypothesis() -> None:
    """A rank that we made up ourselves proves little."""
    model, batch = nn.Sequential(nn.Linear(4, 4), nn.Dropout1d(0.5)), torch.randn(8, 4)
    (sure,), _ = asked(model, batch, "dropout-shape-mismatch")
    (unsure,), _ = asked(model, batch, "dropout-shape-mismatch", synthetic=True)
    assert (sure.severity, unsure.severity) == ("warning", "note")
    assert "(8, 4)" in sure.message
    assert asked(model, None, "dropout-shape-mismatch")[1]


def test_hidden_modules_of_one_list_are_one_finding() -> None:
    """Placed where the list is built; it says that eval() did not reach them."""

    class Listed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = [nn.Linear(4, 4), nn.Dropout(0.5), nn.ReLU()]
            self.unused = [nn.Linear(4, 4)]
            self.teacher = (nn.Linear(4, 4).requires_grad_(False).eval(),)

        def forward(self, x: Tensor) -> Tensor:
            for layer in self.layers:
                x = layer(x)
            return x + self.teacher[0](x)

    (finding,), _ = asked(Listed(), torch.randn(8, 4), "unregistered-submodule")
    assert [p.module for p in finding.sightings[0].places] == ["layers[0]", "layers[1]"]
    assert finding.place.span is not None
    assert finding.place.span.text.startswith("self.layers = [")
    assert "stayed in train mode" in finding.message


def test_dropout_made_in_forward_is_found() -> None:
    """It is new in every forward, and always in train mode; gated by hand it is right."""

    class Inline(nn.Module):
        def __init__(self, gated: bool) -> None:
            super().__init__()
            self.gated = gated

        def forward(self, x: Tensor) -> Tensor:
            drop = nn.Dropout(0.5)
            if self.gated:
                drop.train(self.training)
            return nn.ReLU()(drop(x))

    (finding,), _ = asked(Inline(False), torch.randn(8, 4), "unregistered-submodule")
    assert finding.place.module == "<Dropout>"
    assert asked(Inline(True), torch.randn(8, 4), "unregistered-submodule") == ((), [])


def test_module_from_elsewhere_is_not_said_to_be_new() -> None:
    """A module of a global variable or a foreign object lasts; it may be registered elsewhere."""
    foreign = nn.Linear(4, 4)

    class Borrows(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return foreign(x)

    (finding,), _ = asked(Borrows(), torch.randn(8, 4), "unregistered-submodule")
    assert finding.severity == "warning"
    assert "belongs to none" in finding.message
    foreign.requires_grad_(False)
    assert asked(Borrows(), torch.randn(8, 4), "unregistered-submodule") == ((), [])


def test_statistics_switched_off_later_has_its_own_words() -> None:
    """Eval mode still uses what train mode no longer updates."""
    model = nn.Sequential(Block())
    model[0].norm.track_running_stats = False
    (finding,), _ = asked(model, torch.randn(8, 4), "batchnorm-without-running-stats")
    assert "switched off" in finding.message
    model[0].norm = nn.BatchNorm1d(4, affine=False, track_running_stats=False)
    (plain,), _ = asked(model, torch.randn(8, 4), "batchnorm-without-running-stats")
    assert plain.severity == "note"
