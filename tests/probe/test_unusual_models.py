"""Inputs that are sparse, forwards that differentiate, outputs with masks, norms that are scripted."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.probe import NotFinite, Trial, draw
from evalcheck.probe.running import masks
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(256, 2), batches(256, 5)
INFINITY = float("inf")


def trial(model, held=HELD, feed=FEED):
    pools = [
        draw(loader, model, name, device=torch.device("cpu")) for loader, name in ((held, "a"), (feed, "b"))
    ]
    return Trial(model, *pools)


def gaps(report):
    return {gap.rule: gap.reason for gap in report.gaps if gap.layer == "probe"}


def rules(report):
    return {finding.rule for finding in report.findings}


# Sparse


@pytest.mark.filterwarnings("ignore:Sparse:UserWarning")
@pytest.mark.parametrize("layout", [torch.sparse_coo, torch.sparse_csr])
def test_sparse_batches_are_examined(layout):
    class Sparse(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x.to_dense())

    net = trained(mlp(), epochs=20)
    held, feed = ([(x.to_sparse(layout=layout), y) for x, y in part] for part in (HELD, FEED))
    report = evalcheck.check(Sparse(), held, feed)
    assert report.faults == ()
    assert report.ok(), str(report)
    assert report.measurements.divergence is not None


def test_sparse_outputs_are_rows_like_any_other():
    class Sparse(nn.Sequential):
        def forward(self, x):
            return super().forward(x).to_sparse()

    plain = trained(mlp(), epochs=5)
    assert torch.equal(trial(Sparse(*plain)).evaluated.rows, trial(plain).evaluated.rows)


# Gradients in a forward


class Forces(nn.Module):
    """The slope of an energy; with ``by_itself`` it switches gradients on where it needs them."""

    def __init__(self, by_itself):
        super().__init__()
        self.energy, self.by_itself = nn.Sequential(nn.Linear(12, 16), nn.SiLU(), nn.Linear(16, 1)), by_itself

    def forward(self, x):
        with torch.set_grad_enabled(self.by_itself or torch.is_grad_enabled()):
            x = x.detach().requires_grad_()
            energy = self.energy(x)
            forces = torch.autograd.grad(energy.sum(), x, create_graph=True)[0]
        return {"energy": energy, "forces": forces}


@pytest.mark.parametrize("by_itself", [True, False])
def test_forward_that_differentiates_is_examined(by_itself):
    """That it cannot do so in inference mode leaves one question open, and nothing else."""
    torch.manual_seed(0)
    held, feed = ([x for x, _ in part] for part in (HELD, FEED))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = evalcheck.check(Forces(by_itself), held, feed)
    assert report.faults == ()
    assert report.findings == ()
    assert report.measurements.divergence.total < 1e-6
    refused = {rule for rule, reason in gaps(report).items() if reason.startswith("in inference_mode")}
    assert refused == {"grad-mode-dependent-eval"}


@pytest.mark.parametrize("by_itself", [True, False])
def test_runs_keep_no_graph_alive(by_itself):
    run = trial(Forces(by_itself)).evaluated
    assert not any(leaf.requires_grad for leaf in run.leaves.values())
    assert not any(values.requires_grad for values in run.scores.values())


# Masks


class Masked(nn.Module):
    """Class scores, plus what ``mask`` makes of the inputs, the scores and the mode."""

    def __init__(self, net, mask):
        super().__init__()
        self.net, self.mask = net, mask

    def forward(self, x):
        out = self.net(x)
        return out + self.mask(x, out, self.training)


@pytest.fixture(scope="module")
def net():
    return trained(mlp(), epochs=20)


def some(x, out, value):
    """One class of those samples whose first input is positive."""
    found = torch.zeros_like(out)
    found[:, -1] = torch.where(x[:, 0] > 0, value, 0.0)
    return found


def test_scores_masked_in_both_modes_are_left_out(net):
    model = Masked(net, lambda x, out, training: some(x, out, -INFINITY))
    report = evalcheck.check(model, HELD, FEED)
    assert report.faults == ()
    assert "train-eval-divergence" not in rules(report), str(report)
    assert report.measurements.divergence.total < 0.1
    assert bool(trial(model).evaluated.rows.isfinite().all())


def test_fault_beside_masks_is_found(net):
    damaged = copy.deepcopy(net)
    damaged[1].running_mean += 2.0
    report = evalcheck.check(
        Masked(damaged, lambda x, out, training: some(x, out, -INFINITY)),
        [x for x, _ in HELD],
        [x for x, _ in FEED],
    )
    assert "statistics-mismatch" in rules(report), str(report)


@pytest.mark.parametrize(
    "mask",
    [
        lambda x, out, training: some(x, out, 0.0 if training else -INFINITY),
        lambda x, out, training: some(x, out, INFINITY if training else -INFINITY),
        lambda x, out, training: some(x, out, float("nan")),
    ],
)
def test_infinity_of_eval_mode_alone_is_no_mask(net, mask):
    with pytest.raises(NotFinite, match="NaN or infinity"):
        _ = trial(Masked(net, mask)).evaluated


def test_infinity_of_train_mode_alone_leaves_a_gap(net):
    model = Masked(net, lambda x, out, training: some(x, out, -INFINITY if training else 0.0))
    report = evalcheck.check(model, HELD, FEED)
    assert gaps(report)["train-eval-divergence"] == "the train-mode output holds NaN or infinity"


def test_masks_are_held_against_each_other_by_place_and_sign():
    here = {"a": torch.tensor([[1.0, -INFINITY], [INFINITY, 2.0]])}
    finite, signs = masks.parted(here)
    assert finite["a"].tolist() == [[1, 0], [0, 2]]
    assert signs["a"].tolist() == [[0, -1], [1, 0]]
    assert not masks.are_lost(signs, signs)
    assert masks.are_lost(signs, {"a": -signs["a"]})
    none = {"a": torch.zeros_like(signs["a"])}
    assert masks.are_lost(signs, none)
    assert not masks.are_lost(none, signs)


# Scripts


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_norms_inside_scripted_modules_are_a_gap_for_every_rule_about_norms(net):
    damaged = copy.deepcopy(net)
    damaged[1].running_mean += 4.0
    report = evalcheck.check(torch.jit.script(damaged), HELD, FEED)
    hidden = {rule for rule, reason in gaps(report).items() if "inside scripted modules" in reason}
    assert {"statistics-mismatch", "shared-batchnorm", "dropout-before-batchnorm"} <= hidden
    assert report.measurements.divergence.fixable is None
    assert "Cause: not found; batch norms inside scripted modules cannot be looked at" in str(report)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_model_without_norms_has_nothing_hidden():
    model = torch.jit.script(nn.Sequential(nn.Linear(12, 8), nn.LayerNorm(8)))
    assert not trial(model).has_norms
