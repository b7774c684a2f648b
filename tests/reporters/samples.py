"""Reports made by hand, so that every kind of evidence and every state is shown once."""

from __future__ import annotations

from evalcheck.finding import (
    Edit,
    Finding,
    Fix,
    Gap,
    Measure,
    Place,
    Quote,
    Remedy,
    Report,
    Sighting,
    Span,
    Table,
)
from evalcheck.measurement import (
    Attempt,
    Cause,
    Conditions,
    Divergence,
    Flips,
    LayerReading,
    Measurements,
    OutputReading,
    Score,
)


def span(line: int, column: int = 5, end: int = 20, text: str = "self.norm = norm") -> Span:
    return Span("tests/reporters/net.txt", line, column, line, end, text=text)


def finding(severity: str = "error", rule: str = "shared-batchnorm", layer: str = "probe") -> Finding:
    sighting = Sighting(
        layer,
        Place(span(3), "block.norm"),
        "block.norm normalises 2 calls per forward: the inputs differ from call to call",
        evidence=(
            Measure("shift of the eval output", 0.84, "of the output's variance", 0.05, (0.8, 0.9), 4),
            Quote(Place(span(7, 9, 30, "x = self.norm(x)")), "called here"),
            Table("Statistics of the calls", ("module", "calls"), (("block.norm", "2"),)),
        ),
        others=(Place(None, "other.norm"),),
    )
    remedies = (
        Remedy("recalibrate", "recomputing the running statistics", "failed", "accuracy", 0.742, 0.801),
        Remedy(
            "per-call-statistics", "giving each call statistics of its own", "proved", "accuracy", 0.742, 0.99
        ),
    )
    return Finding(rule, "norm", severity, (sighting,), remedies)


def measured() -> Measurements:
    return Measurements(
        divergence=Divergence(
            0.87,
            0.68,
            0.03,
            (0.84, 0.9),
            4,
            512,
            "the evaluation loader",
            fixable=0.82,
            intrinsic=0.02,
            flips=Flips(0.244, (0.209, 0.283), 1.09),
            outputs=(OutputReading("logits", 0.87, 0.68, 10), OutputReading("aux", 0.1, 0.2, 4)),
        ),
        scores=(Score("accuracy", True, 0.742, 0.986, 512), Score("loss", False, 1.05, 0.17, 512)),
        causes=(Cause("shared", "one batch norm for calls that differ", 0.84, 0.05, 0.191),),
        layers=(
            LayerReading(
                "block.norm",
                "BatchNorm2d",
                2,
                1536,
                0.55,
                0.006,
                1.4,
                0.63,
                momentum=0.01,
                residual=0.31,
                residual_expected=0.3,
                dropout_ratio=1.42,
                dropout_predicted=1.4,
                domain=0.002,
                n_eff=812.0,
                noise=0.0018,
            ),
            LayerReading("other.norm", "BatchNorm2d", 2, 3072, 0.048, 0.003, 0.15, 0.37),
        ),
        completeness=0.99,
        attempts=(
            Attempt(
                "recalibrate",
                "recomputing the running statistics",
                "failed",
                "accuracy",
                0.742,
                0.801,
                (("accuracy", 0.742, 0.801),),
                (0.8, 0.5),
            ),
            Attempt(
                "per-call-statistics",
                "giving each call statistics of its own",
                "proved",
                "accuracy",
                0.742,
                0.99,
                (("accuracy", 0.742, 0.99),),
                (0.8, 0.01),
            ),
        ),
        conditions=Conditions(
            "cpu", 512, 64, 8, 4, 0, 14.0, 1.5, "the evaluation loader", "the training loader"
        ),
    )


def full() -> Report:
    symptom = Sighting("probe", Place(), "eval mode is worse than train mode: accuracy 74.2% for 98.6%")
    return Report(
        target="net.py:build_model",
        findings=(
            finding(),
            Finding("train-eval-divergence", "dependence", "error", (symptom,)),
            finding("note", "unseeded-rng", "source"),
        ),
        gaps=(
            Gap("nondeterministic-eval-data", "loader", "no loader was given"),
            Gap("random-transform-in-eval", "loader", "no loader was given"),
        ),
        measurements=measured(),
        notes=("evaluation data: eval_loader() of net.py",),
    )


def read() -> Report:
    """What the reader finds: a fix, several lines, a notebook's cell, signs that formats must escape."""
    here = Span("odd, dir/net 100%:1.py", 3, 5, 4, 9, text="F.dropout(")
    behind = Span(here.path, 4, 8, 4, 8)
    cell = Span("train.ipynb", 2, 1, 2, 12, cell=3, text="model(x)")
    fix = Fix("pass the mode", (Edit(behind, ", training=self.training"),), safe=False)
    gated = Sighting(
        "source",
        Place(here),
        "100% of the units: dropout is on,\nalways",
        (Quote(Place(Span(here.path, 1, 1, 1, 9)), "run by forward"),),
        fix=fix,
    )
    return Report(
        target="odd, dir, train.ipynb",
        findings=(
            Finding("functional-dropout-ungated", "noise", "error", (gated,)),
            Finding("missing-eval", "mode", "warning", (Sighting("source", Place(cell), "no eval()"),)),
            Finding("missing-eval", "mode", "note", (Sighting("graph", Place(module="a.b"), "no eval()"),)),
        ),
        faults=("missing-eval (source), f:1: KeyError: 'x'",),
        unread=("bad.py:3: not valid Python",),
    )


def empty() -> Report:
    return Report(target="net.py:build_model")
