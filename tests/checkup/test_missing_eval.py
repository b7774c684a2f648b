"""A missing eval() that was read gains the number that train mode costs this model on these data."""

from __future__ import annotations

from textwrap import dedent

import pytest
import torch
from torch import nn

import evalcheck
from evalcheck.checkup import examination
from tests.probe.nets import batches, mlp, trained

HELD, FEED = batches(256, 2), batches(256, 5)

CODE = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net
            self.drop = nn.Dropout(0.5)

        def forward(self, x):
            return self.net(x)

    def validate(model, val_loader):
        model.train()
        with torch.no_grad():
            for x, y in val_loader:
                correct = (model(x).argmax(1) == y).sum()
"""


@pytest.fixture
def file(tmp_path):
    """A file whose validation runs in train mode."""
    path = tmp_path / "fitting.py"
    path.write_text(dedent(CODE))
    return path


def found(model, file, held=HELD, feed=FEED):
    report = examination.check(model, held, feed, files=(file,))
    assert not report.faults
    (finding,) = [f for f in report.findings if f.rule == "missing-eval"]
    return finding


def test_dropout_left_on_makes_it_an_error_with_the_score_it_costs(file):
    finding = found(trained(mlp(norm=nn.LayerNorm, after=0.8), epochs=12), file)
    assert finding.severity == "error"
    assert "instead of" in finding.message
    assert "predictions are others" in finding.message
    assert finding.place.span.path.endswith("fitting.py")
    assert any(getattr(e, "what", "").endswith("lost in train mode") for e in finding.evidence)


def test_without_targets_the_changed_output_is_told(file):
    model = trained(mlp(norm=nn.LayerNorm, after=0.5), epochs=12)
    finding = found(model, file, [x for x, _ in HELD], [x for x, _ in FEED])
    assert finding.severity == "warning"
    assert "the output scatters by" in finding.message


def test_large_batches_that_cost_nothing_leave_a_warning(file):
    """It still depends on the batch, and moves the statistics."""
    finding = found(trained(mlp(), epochs=25), file)
    assert finding.severity == "warning"


def test_a_model_without_modes_is_cleared(file):
    finding = found(trained(mlp(norm=nn.LayerNorm), epochs=12), file)
    assert finding.severity == "note"
    assert "the same output in both modes" in finding.message


def test_without_data_it_stays_what_was_read(file):
    model = trained(mlp(norm=nn.LayerNorm, after=0.8), epochs=2)
    report = examination.check(model, None, None, files=(file,), inputs=[torch.randn(8, 12)])
    (finding,) = [f for f in report.findings if f.rule == "missing-eval"]
    assert (finding.severity, finding.certainty) == ("warning", "read")
    assert evalcheck.lint(file).findings[0].rule == "missing-eval"
