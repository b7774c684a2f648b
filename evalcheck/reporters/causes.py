"""Each cause as the end of ``Cause: ...``, with the modules that it comes from and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evalcheck.finding import Finding
from evalcheck.measurement import Cause, LayerReading, Measurements, of
from evalcheck.reporters.location import written
from evalcheck.reporters.numbers import first_sentence, joined, share

NOT_ASKED = "not measured: the budget was spent."
UNKNOWN = "not found among the batch norms and the modules that ask self.training."
HIDDEN = "not found; batch norms inside scripted modules cannot be looked at."
# Parts of the difference below this are not worth a name.
SLIGHT = 0.01
# Rules whose first sentence says what happens better than the cause's own words can.
TELLING = (
    "preprocessing-mismatch",
    "functional-dropout-ungated",
    "attention-dropout-ungated",
    "dropout-forced-on",
    "random-op-ungated",
    "unregistered-submodule",
)
# From here on a sentence goes on with figures in other units than the first lines'.
FIGURES = ", and by staying in train mode"
# Why statistics are stale, where a rule knows: what stands for ``{names}`` are norms, for ``{data}`` data.
REASONS = {
    "averaged-weights-stale-statistics": (
        "the weights are an average of several, and the running statistics of {names} are not those of "
        "{data} under that average"
    ),
    "statistics-underconverged": (
        "the running statistics of {names} had too few updates for their momentum: they are still partly the "
        "mean 0 and variance 1 that they start from"
    ),
    "statistics-never-updated": (
        "the running statistics of {names} were never updated: they are still the mean 0 and variance 1 that "
        "they start from"
    ),
}
# Statistics that are recomputed for less than this part of what is lost were no cause.
HELPS = 0.1
# A cause that takes this part of what is lost takes all of it: the steps are measured one by one.
ALL, HALF = 0.95, 0.5
# The norms explain the difference to within this part of it.
CLOSE = 0.1
# Names longer than this stand alone in their sentence.
LONG = 40
SHARE, PART = " of the difference)", " of what the norms explain)"


def told(measured: Measurements, finding: Finding | None = None) -> str:
    """The main cause in one sentence; ``finding`` is the one that tells of it, if any does."""
    cause = main(measured)
    if cause is None:
        hidden = measured.divergence is not None and measured.divergence.fixable is None
        return (HIDDEN if hidden else UNKNOWN) if measured.causes else NOT_ASKED
    sentence = direct(finding) or SENTENCES[cause.name](cause, measured)
    if cause.name == "stale" and finding is not None and finding.rule in REASONS:
        sentence = REASONS[finding.rule].format(names=_norms(cause, measured), data=_data(measured))
    # A share of the difference is a number already.
    if SHARE in sentence or PART in sentence:
        return f"{sentence}."
    return f"{sentence}; this {_effect(cause, measured, HALF)}."


def direct(finding: Finding | None) -> str:
    """The first sentence of a finding that says the cause itself; empty where it does not."""
    if finding is None or finding.rule not in TELLING:
        return ""
    told = first_sentence(finding.message).removesuffix(".").partition(FIGURES)[0]
    told = f"t{told[1:]}" if told.startswith("The ") else told
    span = finding.place.span
    return f"{told} ({written(span, column=False)})" if span is not None else told


def others(measured: Measurements) -> str:
    """What else is a cause, in one sentence; empty where nothing is, or where its cure did nothing."""
    rest = [cause for cause in measured.causes if cause.material and cause is not main(measured)]
    vain = {a.name for a in measured.attempts if a.recovered is not None and a.recovered < HELPS}
    rest = [cause for cause in rest if cause.name != "stale" or "recalibrate" not in vain]
    return f"{joined([f'{c.title} ({_effect(c, measured)})' for c in rest])}." if rest else ""


def main(measured: Measurements) -> Cause | None:
    """The cause that is told."""
    return next((cause for cause in measured.causes if cause.material), None)


def _effect(cause: Cause, measured: Measurements, least: float = 0.0) -> str:
    """What the cause takes of the score, where that is known and beyond chance, else of the outputs.

    Steps are taken one after another, so that a cure may give back far more than its cause's step: less than
    the part ``least`` of what is lost is not told.
    """
    score = measured.scores[0] if measured.scores else None
    if score is None or cause.recovers is None or cause.recovers <= least * max(score.lost, 0.0):
        return f"moves the output by {of(cause.size, 'its variance')}"
    points = 100.0 if score.name == "accuracy" else 1.0
    lost, part = (f"{points * value:.3g}" for value in (score.lost, cause.recovers))
    part = "all" if cause.recovers >= ALL * score.lost else part
    if score.name == "accuracy":
        return f"costs {part} of the {lost} points of accuracy that eval mode loses"
    return f"makes {part} of the {lost} by which the {score.name} is worse"


def _stale(cause: Cause, measured: Measurements) -> str:
    return f"the running statistics of {_norms(cause, measured)} do not fit {_data(measured)}"


def _norms(cause: Cause, measured: Measurements) -> str:
    wrong = [r for name in cause.modules for r in measured.layers if r.module == name]
    return _shared_out(wrong, measured) or _named(cause)


def _shared(cause: Cause, measured: Measurements) -> str:
    several = [r for r in measured.layers if r.calls > 1]
    count = several[0].calls if several else 2
    times = {2: "twice", 3: "three times"}.get(count, f"{count} times")
    one = len(_worth(several)) == 1 if several else len(cause.modules) == 1
    called, keep = ("is called", "keeps") if one else ("are each called", "keep")
    names = _shared_out(several, measured) or _named(cause)
    return (
        f"{names} {called} {times} per forward on inputs that differ, but "
        f"{keep} one set of running statistics for all calls"
    )


def _domain(cause: Cause, measured: Measurements) -> str:
    first = f" (from batch norm {cause.modules[0]!r} on)" if cause.modules else ""
    return f"the evaluation data is unlike the training data, and the running statistics do not fit it{first}"


def _dropout(cause: Cause, measured: Measurements) -> str:
    main = next((r for r in measured.layers if r.module in cause.modules[:1]), None)
    where, what = f"batch norm {_named(cause)}" if cause.modules else "a batch norm", "its input"
    up = ""
    if len(cause.modules) > 1:
        where, what, up = f"the batch norms {_named(cause)}", "their inputs", " up to"
        main = max((r for r in measured.layers if r.module in cause.modules), key=_widened, default=None)
    by = f"{up} {main.dropout_ratio:.2f} times" if main is not None and main.dropout_ratio else ""
    return (
        f"dropout before {where} makes {what} vary{by or ' more'}{' as much' if by else ''} in training, "
        "and eval mode, without dropout, divides by the variance that was stored in training"
    )


def _widened(reading: LayerReading) -> float:
    return reading.dropout_ratio or 0.0


def _order(cause: Cause, measured: Measurements) -> str:
    return (
        "the training loader's batches are no shuffle of its data: train mode leans on the mean and variance "
        "of each batch of one kind, which eval mode does not have"
    )


def _custom(cause: Cause, measured: Measurements) -> str:
    s = "" if len(cause.modules) > 1 else "s"
    return (
        f"{_named(cause) or 'a module'} ask{s} for the mode (self.training), and on average give{s} another "
        "output in each"
    )


def _batch(cause: Cause, measured: Measurements) -> str:
    if cause.title.startswith("an instance norm"):
        return (
            f"{_named(cause)} normalises each sample by itself in train mode, and by running statistics in "
            "eval mode"
        )
    size = measured.conditions.batch_size if measured.conditions else 0
    fewest = min((r.samples_per_channel for r in measured.layers), default=0)
    few = f" of {size} samples (as few as {fewest:,.0f} values a channel)" if size and fewest else ""
    return (
        f"train mode normalises by the mean and variance of its batches{few}, eval mode by those stored from "
        f"{_data(measured)}, and the two differ"
    )


def _noise(cause: Cause, measured: Measurements) -> str:
    return f"eval mode is random{f', in {_named(cause)}' if cause.modules else ''}"


SENTENCES: dict[str, Callable[[Cause, Measurements], str]] = {
    "stale": _stale,
    "shared": _shared,
    "domain": _domain,
    "dropout": _dropout,
    "order": _order,
    "custom": _custom,
    "batch": _batch,
    "noise": _noise,
}


def _data(measured: Measurements) -> str:
    conditions = measured.conditions
    return "the training data" if conditions and conditions.train_loader else "the data"


def _named(cause: Cause) -> str:
    names = [f"'{module}'" if module else "the model itself" for module in cause.modules]
    return joined(names, _fitting(names))


def is_part(measured: Measurements) -> bool:
    """Whether the norms explain less than the difference, or more: their shares are of what they explain."""
    return measured.completeness is not None and abs(measured.completeness - 1) > CLOSE


def _worth(readings: Sequence[LayerReading]) -> list[LayerReading]:
    """Those that make a part of the difference, the largest first; all where nothing was attributed."""
    parts = [r for r in readings if r.share is not None and r.share >= SLIGHT]
    return sorted(parts, key=lambda r: -(r.share or 0.0)) or list(readings)


def _shared_out(readings: Sequence[LayerReading], measured: Measurements) -> str:
    """``'a' (62% of the difference), 'b' (38%)``: parts so far as they were attributed."""
    words = []
    share_of = PART if is_part(measured) else SHARE
    for place, reading in enumerate(_worth(readings)):
        part = "" if reading.share is None else share(reading.share)
        of_what = share_of if place == 0 else ")"
        words.append(f"'{reading.module}'{f' ({part}{of_what}' if part else ''}")
    return joined(words, _fitting([reading.module for reading in readings]))


def _fitting(names: Sequence[str]) -> int:
    """How many names a sentence bears."""
    return 1 if any(len(name) > LONG for name in names) else 3
