"""Each cause as the end of ``Cause: ...``, with the modules that it comes from and its number."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evalcheck.measurement import Cause, LayerReading, Measurements, of
from evalcheck.reporters.numbers import figure, joined, share

NOT_ASKED = "not measured: the budget was spent."
UNKNOWN = "not found among the batch norms and the modules that ask self.training."
HIDDEN = "not found; batch norms inside scripted modules cannot be looked at."
# Parts of the difference below this are not worth a name.
SLIGHT = 0.01
# Names longer than this stand alone in their sentence.
LONG = 40
SHARE = " of the difference)"


def told(measured: Measurements) -> str:
    """The main cause in one sentence."""
    cause = main(measured)
    if cause is None:
        hidden = measured.divergence is not None and measured.divergence.fixable is None
        return (HIDDEN if hidden else UNKNOWN) if measured.causes else NOT_ASKED
    sentence = SENTENCES[cause.name](cause, measured)
    # A share of the difference is a number already.
    return f"{sentence}." if SHARE in sentence else f"{sentence}; this {_effect(cause, measured)}."


def others(measured: Measurements) -> str:
    """What else is a cause, in one sentence; empty where nothing is."""
    rest = [cause for cause in measured.causes if cause.material and cause is not main(measured)]
    return f"{joined([f'{c.title} ({_effect(c, measured)})' for c in rest])}." if rest else ""


def main(measured: Measurements) -> Cause | None:
    """The cause that is told."""
    return next((cause for cause in measured.causes if cause.material), None)


def _effect(cause: Cause, measured: Measurements) -> str:
    """What the cause takes of the score, where that is known and beyond chance, else of the outputs."""
    if cause.recovers is not None and cause.recovers > 0 and measured.scores:
        score = measured.scores[0]
        if score.name == "accuracy":
            return f"costs {cause.recovers * 100:.1f} points of accuracy"
        return f"costs {figure(score.name, cause.recovers)} of {score.name}"
    return f"moves the output by {of(cause.size, 'its variance')}"


def _stale(cause: Cause, measured: Measurements) -> str:
    wrong = [r for name in cause.modules for r in measured.layers if r.module == name]
    names = _shared_out(wrong) or _named(cause)
    return f"the running statistics of {names} do not fit {_data(measured)}"


def _shared(cause: Cause, measured: Measurements) -> str:
    several = [r for r in measured.layers if r.calls > 1]
    count = several[0].calls if several else 2
    times = {2: "twice", 3: "three times"}.get(count, f"{count} times")
    one = len(_worth(several)) == 1 if several else len(cause.modules) == 1
    called, keep = ("is called", "keeps") if one else ("are each called", "keep")
    return (
        f"{_shared_out(several) or _named(cause)} {called} {times} per forward on inputs that differ, but "
        f"{keep} one set of running statistics for all calls"
    )


def _domain(cause: Cause, measured: Measurements) -> str:
    first = f" (it shows from {cause.modules[0]!r} on)" if cause.modules else ""
    return f"the evaluation data is unlike the training data{first}, whose running statistics eval mode uses"


def _dropout(cause: Cause, measured: Measurements) -> str:
    main = next((r for r in measured.layers if r.module in cause.modules[:1]), None)
    where = f"batch norm {_named(cause)}" if cause.modules else "a batch norm"
    by = f" {main.dropout_ratio:.2f} times" if main is not None and main.dropout_ratio else ""
    return (
        f"dropout before {where} makes its input vary{by or ' more'}{' as much' if by else ''} in training, "
        "and eval mode, without dropout, divides by the variance that was stored in training"
    )


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


def _worth(readings: Sequence[LayerReading]) -> list[LayerReading]:
    """Those that make a part of the difference, the largest first; all where nothing was attributed."""
    parts = [r for r in readings if r.share is not None and r.share >= SLIGHT]
    return sorted(parts, key=lambda r: -(r.share or 0.0)) or list(readings)


def _shared_out(readings: Sequence[LayerReading]) -> str:
    """``'a' (62% of the difference), 'b' (38%)``: parts so far as they were attributed."""
    words = []
    for place, reading in enumerate(_worth(readings)):
        part = "" if reading.share is None else share(reading.share)
        of_what = SHARE if place == 0 else ")"
        words.append(f"'{reading.module}'{f' ({part}{of_what}' if part else ''}")
    return joined(words, _fitting([reading.module for reading in readings]))


def _fitting(names: Sequence[str]) -> int:
    """How many names a sentence bears."""
    return 1 if any(len(name) > LONG for name in names) else 3
