"""Reports of every kind of trouble, made by hand: each is read once, as text and for a pull request."""

from __future__ import annotations

from collections.abc import Callable

from evalcheck.finding import Edit, Finding, Fix, Gap, Measure, Place, Quote, Report, Sighting, Span
from evalcheck.measurement import (
    Attempt,
    Cause,
    Conditions,
    Divergence,
    LayerReading,
    Measurements,
    Score,
    StochasticReading,
)
from tests.reporters import samples
from tests.reporters.samples import span

VARIANCE = "of the output's variance"
RECALIBRATED = "recomputing the running statistics (one pass, dropout off)"
DEEP = "model.encoder.backbone.stages.{}.blocks.{}.shortcut.normalization"
RAN = Conditions("cuda:0", 512, 64, 8, 4, 0, 9.0, 3.4, "the evaluation loader", "the training loader")
LOSS = Score("loss", False, 2.23, 0.228, 512)


def apart(total: float = 0.8, causes: tuple[Cause, ...] = (), **others: object) -> Measurements:
    """Modes that differ by ``total``."""
    divergence = Divergence(total, 0.1, 0.002, (total - 0.1, total + 0.1), 4, 512, "the evaluation loader")
    return Measurements(**{"divergence": divergence, "causes": causes, "conditions": RAN, **others})


def seen(
    rule: str, message: str, module: str | None = None, *, severity: str = "error", **told: object
) -> Finding:
    """What the probe measured at a module."""
    return Finding(rule, "norm", severity, (Sighting("probe", Place(None, module), message, **told),))


def symptom(severity: str = "error") -> Finding:
    message = "Eval mode is worse than train mode: loss 2.23 for 0.228."
    return seen("train-eval-divergence", message, severity=severity)


def attempt(name: str, title: str, after: float, recovered: float, **others: object) -> Attempt:
    """A remedy judged by the loss, which is 2.23 without it."""
    status = "proved" if recovered >= 0.8 else "failed"
    scores = (("loss", 2.23, after),)
    return Attempt(name, title, status, "loss", 2.23, after, scores, (0.8, 0.1), recovered, **others)


def stale() -> Report:
    """Statistics that momentum left behind, in a model of long names, cured by recalibration."""
    names = [DEEP.format(stage, block) for stage in range(4) for block in range(3)]
    shares = [0.61, 0.22, 0.09, 0.05, 0.02, 0.01, *([0.0] * 6)]
    layers = tuple(
        LayerReading(name, "BatchNorm2d", 1, 4096, 0.4 / (place + 1), share=share)
        for place, (name, share) in enumerate(zip(names, shares, strict=True))
    )
    cause = Cause(
        "stale", "running statistics that are not those of the data", 0.78, 0.02, 2.0, None, tuple(names)
    )
    message = (
        f"71% of the running statistics of {names[0]!r} are still the mean 0 and variance 1 of construction."
    )
    found = seen(
        "statistics-underconverged", message, names[0], evidence=(Measure("weight", 0.71, limit=0.01),)
    )
    tried = (
        attempt("recalibrate", RECALIBRATED, 0.231, 0.998, price="the running statistics of 12 norms change"),
        attempt(
            "batch-statistics",
            "batch statistics in eval mode",
            0.7,
            0.76,
            detail="gives back 76% of the loss",
        ),
        attempt("lower-momentum", "a momentum of 0.001", 2.4, -0.08),
        Attempt(
            "group-norm", "group norm, and training again", "untried", detail="41.4 AP (arXiv 2105.07576)"
        ),
    )
    return Report(
        "net.py:build_model",
        (found, symptom()),
        measurements=apart(causes=(cause,), layers=layers, scores=(LOSS,), attempts=tried, completeness=0.86),
    )


def domain() -> Report:
    """Other data in evaluation, and nothing that was tried helps."""
    cause = Cause(
        "domain", "evaluation data unlike the training data", 0.51, 0.04, None, None, ("stem.1", "body.1")
    )
    layers = (
        LayerReading("stem.1", "BatchNorm2d", 1, 16384, 0.002, share=0.1, domain=0.44),
        LayerReading("body.1", "BatchNorm2d", 1, 4096, 0.001, share=0.0, domain=0.12),
    )
    message = (
        "On the evaluation data the inputs of norm 'stem.1' lie 0.7 standard deviations from training's."
    )
    found = seen("domain-shift-statistics", message, "stem.1", severity="warning")
    tried = (attempt("recalibrate", RECALIBRATED, 2.21, 0.01),)
    return Report(
        "net.py:build_model",
        (found, symptom()),
        measurements=apart(causes=(cause,), layers=layers, scores=(LOSS,), attempts=tried),
    )


def dropout() -> Report:
    """Dropout before a norm, and a second cause; two remedies help, none cures."""
    first = Cause("dropout", "dropout or other noise before a batch norm", 0.3, 0.008, 1.2, None, ("head.1",))
    second = Cause("batch", "batches too small for their statistics", 0.1, 0.05, 0.0)
    layer = LayerReading("head.1", "BatchNorm1d", 1, 32, 0.004, share=0.9, dropout_ratio=1.58)
    message = "With dropout 'head.0' at rate 0.7 in front, batch norm 'head.1' gets wider inputs."
    found = seen("dropout-before-batchnorm", message, "head.1")
    tried = (
        attempt(
            "recalibrate", RECALIBRATED, 1.1, 0.56, detail="gives back 56% of the loss that eval mode loses"
        ),
        attempt(
            "closed-form", "dividing the variances by the predicted ratio", 1.4, 0.41, detail="gives back 41%"
        ),
    )
    drawn = (StochasticReading("head.0", "Dropout", 0.7, 1.0),)
    return Report(
        "net.py:build_model",
        (found, symptom()),
        measurements=apart(
            causes=(first, second), layers=(layer,), scores=(LOSS,), attempts=tried, stochastic=drawn
        ),
    )


def batch() -> Report:
    """Batches too small for their statistics; nothing could be tried but training again."""
    cause = Cause("batch", "batches too small for their statistics", 0.4, 0.05)
    layers = (
        LayerReading("pool.1", "BatchNorm1d", 1, 4, 0.001, n_eff=4.0, noise=0.37),
        LayerReading("stem.1", "BatchNorm2d", 1, 4096, 0.001, n_eff=800.0, noise=0.002),
    )
    untried = Attempt(
        "group-norm", "group norm, and training again", "untried", detail="41.4 AP (arXiv 2105.07576)"
    )
    found = seen(
        "few-samples-per-channel", "Batch norm 'pool.1' takes its statistics from 4 values.", "pool.1"
    )
    return Report(
        "net.py:build_model",
        (found, symptom()),
        measurements=apart(causes=(cause,), layers=layers, attempts=(untried,)),
    )


def custom() -> Report:
    """Modules of the user's own, no targets, no loader of training data, nothing that was tried."""
    modules = ("blocks.5.path", "blocks.4.path")
    cause = Cause(
        "custom", "a module that does something else in train mode", 0.55, 0.03, None, None, modules
    )
    drawn = (
        StochasticReading("dropout", "Dropout", 0.1, 0.8, 0.0),
        StochasticReading("blocks.5.path", "DropPath", None, 0.15, 0.7),
        StochasticReading("blocks.4.path", "DropPath", None, 0.05, 0.3),
    )
    message = "In train mode the mean output of 'blocks.5.path' and 1 more is 0.48 times that of eval mode."
    found = seen("expectation-shift", message, modules[0])
    return Report("Net", (found, symptom()), measurements=apart(causes=(cause,), stochastic=drawn))


def noise() -> Report:
    """Eval mode that draws, which nothing can be compared with, cured by gating it."""
    cause = Cause("noise", "randomness that eval mode does not switch off", 0.104, 1e-4, modules=("head",))
    quote = Quote(Place(span(7, 9, 30, "x = torch.randn_like(x)")), "numbers are drawn")
    measure = Measure("difference of two eval passes", 0.344, "of the output", 1e-5)
    message = "The same batch gives another output each time in eval mode: the outputs differ by 34.4%."
    found = seen("nondeterministic-eval", message, "head", evidence=(quote, measure))
    gap = Gap("train-eval-divergence", "probe", "eval mode differs from itself on one and the same batch")
    tried = Attempt(
        "gate", "asking self.training before the draw", "proved", "difference of two passes", 0.344, 0.0
    )
    measured = Measurements(causes=(cause,), attempts=(tried,), conditions=RAN)
    return Report("net.py:Net", (found,), (gap,), measurements=measured)


def gated() -> Report:
    """Dropout that nobody told the mode, which an edit mends; it was seen by every eye."""
    place = Place(span(7, 13, 30, "x = F.dropout(x, 0.5)"), "head")
    edit = Edit(Span("tests/reporters/net.txt", 7, 29, 7, 29), ", training=self.training")
    fix = Fix("pass the mode", (edit,), safe=False)
    read = Sighting("source", place, "dropout is not told the mode, so it goes on in eval mode.", fix=fix)
    traced = Sighting("graph", place, "'head' drops half of its values in eval mode.")
    told = "'head' gives another output each time in eval mode."
    probed = Sighting(
        "probe", Place(None, "head"), told, (Measure("difference of two eval passes", 0.344, VARIANCE),)
    )
    found = Finding("functional-dropout-ungated", "noise", "error", (probed, traced, read))
    cause = Cause("noise", "randomness that eval mode does not switch off", 0.344, 1e-4, modules=("head",))
    return Report("net.py:Net", (found,), measurements=Measurements(causes=(cause,), conditions=RAN))


def unknown() -> Report:
    """Modes that differ by what nothing explains."""
    cause = Cause("stale", "running statistics that are not those of the data", 0.001, 0.02)
    return Report("net.py:Net", (symptom("warning"),), measurements=apart(causes=(cause,)))


def harmless() -> Report:
    """Outputs that differ while no score suffers."""
    score = Score("accuracy", True, 0.938, 0.938, 512)
    cause = Cause(
        "custom", "a module that does something else in train mode", 0.55, 0.03, None, None, ("path",)
    )
    found = seen(
        "expectation-shift", "In train mode the mean output of 'path' is another.", "path", severity="note"
    )
    return Report(
        "net.py:Net", (found, symptom("note")), measurements=apart(0.93, causes=(cause,), scores=(score,))
    )


def good() -> Report:
    """Nothing found, everything asked."""
    return Report(
        "net.py:Net", measurements=apart(0.001, scores=(Score("accuracy", True, 0.957, 0.951, 512, 1, 0.01),))
    )


def besides() -> Report:
    """Eval mode is fine, and something else is not."""
    found = seen(
        "padding-dependent-eval", "A sample's eval output depends on how far it is padded.", "enc.attention"
    )
    scored = apart(0.001, scores=(Score("squared error", False, 12.9, 14.7, 269, 20.0, 0.1),))
    return Report("net.py:Net", (found,), measurements=scored)


def gaps() -> Report:
    """A model without data: what is read and traced was asked, the rest was not."""
    rules = (
        "train-eval-divergence",
        "shared-batchnorm",
        "statistics-mismatch",
        "expectation-shift",
        "mode-latched",
    )
    return Report(
        "net.py:Net",
        gaps=tuple(Gap(rule, "probe", "there is no input to run the model on") for rule in rules),
    )


def spent() -> Report:
    """A budget that was over at once."""
    reason = "the budget of 1 s was spent"
    ran = Conditions("cpu", 512, 64, 8, 4, 0, 0.2, 1.1, "the evaluation loader", None)
    gap = Gap("train-eval-divergence", "probe", reason)
    notes = ("the budget was spent: what was measured until then is shown",)
    return Report("net.py:Net", gaps=(gap,), measurements=Measurements(conditions=ran), notes=notes)


SITUATIONS: dict[str, Callable[[], Report]] = {
    made.__name__: made
    for made in (
        stale,
        domain,
        dropout,
        batch,
        custom,
        noise,
        gated,
        unknown,
        harmless,
        good,
        besides,
        gaps,
        spent,
        samples.read,
    )
}
