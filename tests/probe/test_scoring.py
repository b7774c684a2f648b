"""Outputs are held against targets as the task means them, and not at all where that cannot be told."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch.nn import functional as F

from evalcheck import check
from evalcheck.batch import Batch
from evalcheck.probe.judging.scores import scores
from evalcheck.probe.judging.scoring import score, settled, user_metric
from evalcheck.probe.pool import Pool
from evalcheck.probe.running.runner import Run

N = 6
LOGITS = torch.randn(N, 4, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(N) % 4


def test_classes_by_cross_entropy_and_accuracy():
    """Per sample, as torch computes them."""
    found = score(LOGITS, CLASSES, N)
    assert torch.allclose(found["loss"], F.cross_entropy(LOGITS, CLASSES, reduction="none"))
    assert torch.equal(found["accuracy"], (LOGITS.argmax(1) == CLASSES).float())


@pytest.mark.parametrize("form", [F.log_softmax, F.softmax], ids=["log-probabilities", "probabilities"])
def test_normalised_outputs_give_the_same_loss(form):
    """Probabilities are not taken for logits."""
    expected = score(LOGITS, CLASSES, N)["loss"]
    assert torch.allclose(score(form(LOGITS, dim=1), CLASSES, N)["loss"], expected, atol=1e-5)


def test_dense_classes_are_means_over_positions_that_count():
    """-100 is left out, as in torch."""
    logits, targets = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    targets[:, 0] = -100
    expected = [F.cross_entropy(logits[i : i + 1], targets[i : i + 1]) for i in range(2)]
    assert torch.allclose(score({"out": logits, "aux": logits}, targets, 2)["loss"], torch.stack(expected))


def test_tokens_with_the_class_axis_last():
    """(N, T, V) against (N, T)."""
    logits, targets = torch.randn(2, 5, 7), torch.randint(7, (2, 5))
    expected = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)
    assert torch.allclose(score(logits, targets, 2)["loss"], expected)


@pytest.mark.parametrize("shape", [(N,), (N, 1), (N, 3)])
def test_zeros_and_ones_are_binary_targets(shape):
    """One output or several labels, integers or floats."""
    logits, targets = torch.randn(shape), (torch.rand(shape) > 0.5).float()
    expected = F.binary_cross_entropy_with_logits(logits, targets, reduction="none").reshape(N, -1).mean(1)
    assert torch.allclose(score(logits, targets, N)["loss"], expected)
    found = settled(score(logits.sigmoid(), targets, N), N)
    assert set(found) == {"loss", "accuracy"}
    assert torch.allclose(found["loss"], expected, atol=1e-5)


def test_the_whole_pool_decides_whether_outputs_are_probabilities():
    """One batch whose logits happen to lie between 0 and 1 does not make them probabilities."""
    targets = torch.ones(2)
    batches = [score(torch.tensor(logits), targets, 2) for logits in ([0.2, 0.3], [4.0, -3.0])]
    together = {name: torch.cat([b[name] for b in batches if name in b]) for name in batches[0]}
    expected = F.binary_cross_entropy_with_logits(torch.tensor(0.2), torch.tensor(1.0))
    assert torch.allclose(settled(together, 4)["loss"][0], expected)


def test_other_float_targets_are_squared_errors():
    """And are called so: a squared error is no cross entropy."""
    assert set(score(torch.randn(N, 1), torch.randn(N), N)) == {"squared error"}


@pytest.mark.parametrize("ignored", [-100, -1, 255])
def test_labels_of_what_is_left_out_do_not_keep_the_rest_from_being_scored(ignored):
    """Segmentation data mark unlabelled pixels by 255, others by -1."""
    logits, targets = torch.randn(2, 3, 4, 4), torch.randint(3, (2, 4, 4))
    targets[:, 0] = -100
    expected = score(logits, targets, 2)["loss"]
    assert torch.allclose(score(logits, targets.where(targets != -100, ignored), 2)["loss"], expected)


def test_targets_that_no_mode_predicts_are_none_of_this_output():
    """An autoencoder's loader yields digits, and its output of 64 pixels is no choice among 64 classes."""
    torch.manual_seed(0)
    pixels, digits = torch.rand(40, 64), torch.arange(40) % 10
    runs = [Run({"": pixels}, score(pixels + 0.01 * torch.rand(40, 64), digits, 40)) for _ in range(3)]
    pool = Pool("digits", (), None, 8)
    directions = {"accuracy": True, "loss": False, "metric": None}
    assert scores(runs[0], runs[1:2], runs[2:], pool, directions) == ()


def test_what_the_model_has_learned_is_scored_even_where_it_fails_on_all_that_is_held():
    """Inverted pictures, say: both modes only guess, and the training data is predicted."""
    classes, right = torch.arange(40) % 10, 4 * torch.eye(10)[torch.arange(40) % 10]
    wrong = right.roll(1, dims=1)
    runs = [Run({"": wrong}, score(wrong, classes, 40)) for _ in range(3)]
    learned = Run({"": right}, score(right, classes, 40))
    pool, directions = Pool("digits", (), None, 8), {"accuracy": True, "loss": False, "metric": None}
    assert scores(runs[0], runs[1:2], runs[2:], pool, directions) == ()
    for known, names in ((learned, {"loss", "accuracy"}), (runs[0], set()), (Run({}), set())):
        found = scores(runs[0], runs[1:2], runs[2:], pool, directions, lambda known=known: known)
        assert {score.name for score in found} == names


def test_a_weak_model_of_two_classes_keeps_its_scores():
    """Its loss is next to that of guessing, which float32 puts above log 2."""
    logits = 0.05 * torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    runs = [Run({"": logits}, score(logits, torch.arange(64) % 2, 64)) for _ in range(3)]
    pool, directions = Pool("pairs", (), None, 8), {"accuracy": True, "loss": False, "metric": None}
    found = scores(runs[0], runs[1:2], runs[2:], pool, directions)
    assert {score.name for score in found} == {"loss", "accuracy"}


def test_the_score_that_suffers_is_told_first():
    """An accuracy that gains a little must not stand behind the word worse."""

    def run(loss: float, accuracy: float) -> Run:
        noise = 0.01 * torch.randn(40, generator=torch.Generator().manual_seed(int(100 * loss)))
        return Run({}, {"loss": loss + noise, "accuracy": torch.full((40,), accuracy)})

    pool = Pool("samples", (), None, 8)
    directions = {"accuracy": True, "loss": False, "metric": None}
    found = scores(run(1.2, 0.9), [run(1.0, 0.88)], [run(1.0, 0.88)], pool, directions)
    assert [score.name for score in found] == ["loss", "accuracy"]
    healthy = scores(run(1.0, 0.9), [run(1.01, 0.88)], [run(1.1, 0.88)], pool, directions)
    assert [score.name for score in healthy] == ["accuracy", "loss"]


def test_class_numbers_that_nothing_predicts_are_no_quantity():
    """The one number of a critic has nothing to do with the ten classes of its loader."""
    digits, score_of = torch.arange(40) % 10, torch.randn(40, 1)
    runs = [Run({"": score_of}, score(score_of + 0.1 * k, digits, 40)) for k in range(3)]
    batch = Batch((score_of,), {}, digits, 40)
    pool = Pool("digits", (batch,), batch, 8)
    assert scores(runs[0], runs[1:2], runs[2:], pool, {"squared error": False, "metric": None}) == ()


@dataclass
class Output:
    loss: torch.Tensor
    logits: torch.Tensor


def test_a_loss_that_the_model_computes_counts_first():
    """A language model shifts its labels: only it knows."""
    found = score(Output(torch.tensor(2.5), LOGITS), CLASSES, N)
    assert torch.equal(found["loss"], torch.full((N,), 2.5))


@pytest.mark.parametrize(
    "targets", [None, torch.arange(3), torch.full((N,), 9), torch.zeros(N, 3, 3), "text", [1] * N]
)
def test_targets_that_do_not_fit_give_no_score(targets):
    """Nothing is said rather than something wrong."""
    assert score(LOGITS, targets, N) == {}


def test_the_users_metric_is_weighted_by_samples():
    """The same value for each sample of its batch."""
    assert torch.equal(user_metric(lambda o, t: 0.5, LOGITS, CLASSES, N)["metric"], torch.full((N,), 0.5))


def test_accuracy_stands_beside_the_loss_that_a_model_computes_itself():
    """Where targets are the classes of its logits; the loss stays its own."""
    found = score({"loss": torch.tensor(7.0), "logits": LOGITS}, CLASSES, N)
    assert set(found) == {"loss", "accuracy"}
    assert torch.equal(found["loss"], torch.full((N,), 7.0))
    assert torch.equal(found["accuracy"], (LOGITS.argmax(1) == CLASSES).float())
    assert set(score({"loss": torch.tensor(7.0), "logits": LOGITS}, torch.randn(N, 4), N)) == {"loss"}
    assert set(score({"loss": torch.tensor(7.0), "logits": LOGITS}, None, N)) == {"loss"}
    assert set(score({"loss": torch.tensor(7.0), "pixels": LOGITS}, CLASSES, N)) == {"loss"}


def test_tokens_have_an_accuracy_where_the_models_loss_is_of_these_tokens():
    """A language model's logits are for the next token."""
    targets = torch.randint(7, (4, 9))
    logits = 3 * F.one_hot(targets, 7).float()
    loss = F.cross_entropy(logits.transpose(1, 2), targets)
    assert score({"loss": loss, "logits": logits}, targets, 4)["accuracy"].tolist() == [1.0] * 4
    ahead = F.cross_entropy(logits[:, :-1].transpose(1, 2), targets[:, 1:])
    assert set(score({"loss": ahead, "logits": logits}, targets, 4)) == {"loss"}


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        (-100, "25.0% of the targets are -100, which is none of the output's 3 classes: they were left out"),
        (255, "25.0% of the targets are 255, which is none of the output's 3 classes: they were left out"),
        (3, "25.0% of the targets are 3, which is none of the output's 3 classes, so no loss was judged"),
        (2, ""),
    ],
)
def test_what_was_left_out_of_the_targets_is_said(odd, told):
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 3, 3, padding=1), torch.nn.Dropout(0.1))
    model[0].bias.data.fill_(1.0)
    images = torch.randn(32, 1, 4, 4)
    targets = model.eval()(images).argmax(1)
    targets[:, 0] = odd
    notes = check(model, [*zip(images.split(8), targets.split(8), strict=True)]).notes
    assert any(told in note for note in notes) if told else not any("targets" in note for note in notes)
