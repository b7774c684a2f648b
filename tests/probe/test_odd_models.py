"""Models that are not like the others: the probe follows them, or says why it cannot."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import evalcheck
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(512, 2), batches(512, 5)


def rules(report):
    return {finding.rule: finding for finding in report.findings}


def damaged(model, path="net.1"):
    norm = dict(model.named_modules())[path]
    norm.running_mean += 2.0
    return model


class Wrapped(nn.Module):
    """A net whose output has another form."""

    def __init__(self):
        super().__init__()
        self.net = mlp()

    def forward(self, x):
        return self.net(x)


class Auxiliary(Wrapped):
    def forward(self, x):
        out = self.net(x)
        return (out, out * 0.5) if self.training else out


class Named(Wrapped):
    def forward(self, x):
        out = self.net(x)
        return {"out": out, "aux": out * 0.5} if self.training else {"out": out}


class WithCentres(Wrapped):
    """Gives a leaf whose length happens to equal a batch size."""

    def forward(self, x):
        return {"logits": self.net(x), "centres": torch.ones(8, 3) * x.mean()}


class ByKeyword(Wrapped):
    def forward(self, x):
        layers = list(self.net)
        for layer in layers:
            x = layer(input=x)
        return x


@pytest.mark.parametrize("kind", [Auxiliary, Named, WithCentres, ByKeyword])
def test_outputs_and_calls_of_other_forms_are_followed(kind):
    """Healthy ones are silent; a damaged norm is found behind any output."""
    model = Wrapped()
    model.net = trained(mlp(), epochs=20)
    odd = kind()
    odd.net = model.net
    report = evalcheck.check(odd, HELD, FEED)
    assert not report.faults
    assert report.ok(), str(report)
    assert report.measurements.divergence is not None
    report = evalcheck.check(damaged(odd), HELD, FEED)
    assert not report.faults
    assert rules(report)["statistics-mismatch"].place.module == "net.1", str(report)


def test_outputs_that_cannot_be_compared_leave_a_gap_with_both_shapes():
    class Other(Wrapped):
        def forward(self, x):
            out = self.net(x)
            return torch.cat([out, out], 1) if self.training else out

    model = Other()
    model.net = trained(mlp(), epochs=4)
    report = evalcheck.check(model, HELD, FEED)
    assert any("cannot be compared: eval a tensor: 4" in gap.reason for gap in report.gaps), report.gaps


class Sequence(nn.Module):
    """One output per step: as long as the batch's padding."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return self.layer(x)


def test_ragged_sequences_leave_a_gap_instead_of_a_crash():
    """Dynamic padding gives every batch another length."""
    loader = [torch.randn(8, length, 3) for length in (5, 7, 4, 6)]
    report = evalcheck.check(Sequence(), loader)
    assert not report.faults
    assert any("row of the same length" in gap.reason for gap in report.gaps), report.gaps


class OwnNorm(nn.Module):
    """Home-made: statistics of the batch in train mode, stored ones in eval mode, and these are wrong."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.full((32,), 3.0))

    def forward(self, x):
        return x - (x.mean(0) if self.training else self.mean)


def test_a_difference_that_no_norm_explains_is_not_called_agreement():
    """Eval is held against real train mode too, and the module of the user's own that does it is named."""
    model = nn.Sequential(nn.Linear(12, 32), OwnNorm(), nn.ReLU(), nn.Linear(32, 4))
    x, y = (torch.cat(column) for column in zip(*batches(1024, 1), strict=True))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    report = evalcheck.check(model, HELD, FEED)
    assert rules(report)["train-eval-divergence"].severity in ("warning", "error"), str(report)
    assert "as good as" not in str(report)
    assert "Cause: '1' asks for the mode" in str(report)
    assert rules(report)["expectation-shift"].place.module == "1"


def test_scripted_and_compiled_models_are_measured_as_written():
    """Hooks do not reach compiled code: it is run as it was written."""
    net = trained(mlp(), epochs=20)
    compiled = torch.compile(net, backend="eager")
    compiled(HELD[0][0])
    assert evalcheck.check(compiled, HELD, FEED).ok()
    net[1].running_mean += 2
    found = rules(evalcheck.check(compiled, HELD, FEED))
    assert found["statistics-mismatch"].place.module.endswith("1")
    report = evalcheck.check(torch.jit.script(net), HELD, FEED)
    assert not report.faults


def test_the_same_data_twice_does_not_feed_what_it_judges():
    """With overlapping loaders half of the samples feed, the other half judge; the report says so."""
    report = evalcheck.check(damaged(trained(mlp()), "1"), HELD, HELD)
    assert report.measurements.conditions.samples == 256
    assert any("some of the same samples" in note for note in report.notes)


def test_feed_and_held_samples_are_disjoint():
    """Whatever the loaders give."""
    from evalcheck.checkup import trial

    for loaders in ((HELD,), (HELD, HELD), (HELD, FEED)):
        made = trial(trained(mlp(), epochs=1), *loaders)
        rows = [
            {tuple(row.tolist()) for b in pool.batches for row in b.args[0]}
            for pool in (made.held, made.feed)
        ]
        assert rows[0]
        assert rows[1]
        assert not rows[0] & rows[1]


def test_a_metric_without_direction_is_shown_and_judges_nothing():
    """Whether more is better is not guessed: the loss judges."""

    def accuracy(output, targets):
        return (output.argmax(1) == targets).float().mean()

    report = evalcheck.check(damaged(trained(mlp()), "1"), HELD, FEED, metric=accuracy)
    assert "train-eval-divergence" in rules(report)
    assert "metric accuracy" in {score.name for score in report.measurements.scores}
    assert any("no attribute higher_is_better" in note for note in report.notes)


def test_a_cure_is_credited_only_to_the_fault_whose_step_it_takes():
    """A harmless dropout before a norm does not share in the cure of edited statistics, and is cleared."""
    model = trained(mlp(before=0.05), epochs=25)
    model[2].running_mean += 2
    report = evalcheck.check(model, HELD, FEED)
    found = rules(report)
    assert found["statistics-mismatch"].remedies
    dropout = found.get("dropout-before-batchnorm")
    assert dropout is not None
    assert dropout.certainty == "measured"
    step = {cause.name: cause for cause in report.measurements.causes}["dropout"]
    assert bool(dropout.remedies) == step.material


def test_a_written_eps_is_not_cleared_by_looking_at_the_statistics():
    """Eval mode uses eps: what it does was not measured, and that is what is said."""

    class Eps(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = trained(mlp(), epochs=20)

        def forward(self, x):
            self.net[1].eps = 1e-5 if self.training else 50.0
            return self.net(x)

    finding = rules(evalcheck.check(Eps(), HELD, FEED))["batchnorm-momentum-mutated"]
    assert finding.severity == "warning"
    assert "was not measured" in finding.message


def test_nan_in_the_data_is_not_blamed_on_the_model():
    bad = [(x.clone(), y) for x, y in HELD]
    bad[0][0][0, 0] = float("nan")
    with pytest.raises(evalcheck.Complaint, match=r"evaluation loader yields NaN in input"):
        evalcheck.check(trained(mlp(), epochs=1), bad)


def test_a_training_batch_that_the_model_refuses_is_named():
    with pytest.raises(
        evalcheck.Complaint, match=r"refuses a batch of 8x5 float32.*\(from the training loader\)"
    ):
        evalcheck.check(trained(mlp(), epochs=1), HELD, [(torch.randn(8, 5), torch.zeros(8).long())])


def test_a_metric_that_raises_is_the_users():
    def metric(output, targets):
        raise ValueError("bad metric")

    with pytest.raises(evalcheck.Complaint, match=r"the metric raised ValueError: bad metric"):
        evalcheck.check(trained(mlp(), epochs=1), HELD, FEED, metric=metric)


def test_noise_is_laid_at_the_forward_that_draws_it():
    """Not at the innocent layer whose output is the first to differ."""

    class Root(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp(norm=nn.LayerNorm)

        def forward(self, x):
            return self.net(x + 0.1 * torch.randn_like(x))

    finding = rules(evalcheck.check(Root(), HELD))["random-op-ungated"]
    assert finding.severity == "error"
    assert finding.certainty == "measured"
    assert finding.place.span is not None
    assert "randn_like" in finding.place.span.text
    assert "the model's own forward" in finding.message


def test_sampling_that_is_meant_is_shown_with_its_line():
    """No rule takes it for a fault, but who reads the symptom must find the line."""

    class Vae(nn.Module):
        """A variational autoencoder that samples its latent in both modes."""

        def __init__(self):
            super().__init__()
            self.net = mlp(norm=nn.LayerNorm)

        def sample(self, mean):
            return mean + torch.randn_like(mean)

        def forward(self, x):
            return self.sample(self.net(x))

    finding = rules(evalcheck.check(Vae(), HELD))["nondeterministic-eval"]
    quotes = [e.place.span.text for e in finding.evidence if getattr(e, "role", "") == "numbers are drawn"]
    assert quotes == ["return mean + torch.randn_like(mean)"]


def test_loaders_of_single_samples_are_joined_to_be_compared():
    """Batch size one hides what batches do: the samples are put together."""

    class Centred(nn.Module):
        def forward(self, x):
            return x - x.mean(0)

    single = [(x[i : i + 1], y[i : i + 1]) for x, y in HELD[:2] for i in range(32)]
    report = evalcheck.check(nn.Sequential(nn.Linear(12, 4), Centred()), single)
    assert rules(report)["batch-size-dependent-eval"].place.module == "1", str(report)


def test_a_model_that_gives_losses_only_in_train_mode_is_told_what_to_pass():
    """Detection models do: with ``forward`` both modes can be compared."""

    class Detector(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp()

        def forward(self, x, labels=None):
            scores = self.body(x)
            if self.training:
                return {"loss_classes": nn.functional.cross_entropy(scores, labels)}
            return [{"scores": row[None]} for row in scores]

    model = Detector()
    model.body.load_state_dict(trained(mlp()).state_dict())
    loader = [{"x": x, "labels": y} for x, y in HELD]
    gaps = {g.reason for g in evalcheck.check(model, loader).gaps if g.rule == "train-eval-divergence"}
    assert len(gaps) == 1
    assert "pass forward= to evalcheck.check, a function of (model, batch)" in gaps.pop()
    through = evalcheck.check(model, loader, forward=lambda model, batch: model.body(batch["x"]))
    assert through.measurements.divergence is not None
