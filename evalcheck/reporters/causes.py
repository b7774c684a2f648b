"""Each cause as the end of ``Cause: ...``, with the modules that it comes from."""

from __future__ import annotations

from collections.abc import Callable

from evalcheck.measurement import Cause, LayerReading, Measurements, of
from evalcheck.reporters.numbers import joined

NOT_ASKED = "not measured: the budget was spent."
UNKNOWN = "not found among the batch norms and the modules that ask self.training."
HIDDEN = "not found; batch norms inside scripted modules cannot be looked at."
VARIANCE = "the output's variance"


def told(measured: Measurements, proved: bool) -> str:
    """The main cause in one sentence; ``proved`` says that a cure was, whose line has the figure then."""
    material = [cause for cause in measured.causes if cause.material]
    if not material:
        hidden = measured.divergence is not None and measured.divergence.fixable is None
        return (HIDDEN if hidden else UNKNOWN) if measured.causes else NOT_ASKED
    cause = material[0]
    gives = cause.recovers is not None and cause.recovers > 0 and not proved
    recovers = f"; setting that right gives back {_points(cause, measured)}" if gives else ""
    also = joined([f"{other.title} ({of(other.size, VARIANCE)})" for other in material[1:]])
    return f"{SENTENCES[cause.name](cause, measured)}{recovers}.{f' Also: {also}.' if also else ''}"


def _stale(cause: Cause, measured: Measurements) -> str:
    wrong = [r for name in cause.modules for r in measured.layers if r.module == name]
    names = _shared_out(wrong) or _named(cause)
    return f"the running statistics of {names} are not those of {_data(measured)}"


def _shared(cause: Cause, measured: Measurements) -> str:
    several = [r for r in measured.layers if r.calls > 1]
    count = several[0].calls if several else 2
    times = {2: "twice", 3: "three times"}.get(count, f"{count} times")
    called, keep = ("is called", "keeps") if len(cause.modules) == 1 else ("are each called", "keep")
    return (
        f"{_shared_out(several) or _named(cause)} {called} {times} per forward on inputs that differ, and "
        f"{keep} one set of statistics for all calls"
    )


def _domain(cause: Cause, measured: Measurements) -> str:
    first = f"; it shows from {cause.modules[0]!r} on" if cause.modules else ""
    return f"the evaluation data is unlike the training data, whose statistics eval mode uses{first}"


def _dropout(cause: Cause, measured: Measurements) -> str:
    where = f"batch norm {_named(cause)}" if cause.modules else "a batch norm"
    return f"dropout before {where} widens what it sees in training, not in evaluation"


def _order(cause: Cause, measured: Measurements) -> str:
    return (
        "the training loader's batches are no shuffle of its data, and what the model computes from their "
        "statistics in train mode, eval mode does not have"
    )


def _custom(cause: Cause, measured: Measurements) -> str:
    asks = "ask" if len(cause.modules) > 1 else "asks"
    return f"{_named(cause) or 'a module'} {asks} for the mode, and in the mean gives another output"


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
        f"train mode normalises by the statistics of its batches{few}, eval mode by those of "
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
    return joined([f"'{module}'" if module else "the model itself" for module in cause.modules])


def _shared_out(readings: list[LayerReading]) -> str:
    """Names with their shares, so far as they were attributed."""
    return joined(
        [f"'{r.module}' (share {r.share:.0%})" if r.share is not None else f"'{r.module}'" for r in readings]
    )


def _points(cause: Cause, measured: Measurements) -> str:
    assert cause.recovers is not None
    score = measured.scores[0]
    if score.name == "accuracy":
        return f"{cause.recovers * 100:.1f} points"
    return f"{cause.recovers:.3g} of {score.name}"
