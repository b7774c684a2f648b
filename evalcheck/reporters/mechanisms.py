"""What happens under each cause: the end of ``Cause: ...``, without its number."""

from __future__ import annotations

from collections.abc import Callable

from evalcheck.finding import Finding
from evalcheck.measurement import Cause, LayerReading, Measurements
from evalcheck.reporters import norms

# Why statistics are stale, where a rule knows: what stands for ``{names}`` are norms, for ``{data}`` data.
STALE = "the running statistics of {names} do not fit {data}"
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


def sentence(cause: Cause, measured: Measurements, finding: Finding | None = None) -> str:
    """What the cause does; ``finding`` is the one that tells of it, if any does."""
    if cause.name != "stale":
        return SENTENCES[cause.name](cause, measured)
    reason = REASONS.get(finding.rule if finding is not None else "", STALE)
    return reason.format(names=norms.stale(cause, measured, finding), data=_data(measured))


def _shared(cause: Cause, measured: Measurements) -> str:
    several = [r for r in measured.layers if r.calls > 1]
    count = several[0].calls if several else 2
    times = {2: "twice", 3: "three times"}.get(count, f"{count} times")
    one = len(norms.worth(several)) == 1 if several else len(cause.modules) == 1
    called, keep = ("is called", "keeps") if one else ("are each called", "keep")
    names = norms.shared_out(norms.worth(several), measured) or norms.named(cause)
    return (
        f"{names} {called} {times} per forward on inputs that differ, but "
        f"{keep} one set of running statistics for all calls"
    )


def _domain(cause: Cause, measured: Measurements) -> str:
    first = f" (from batch norm {cause.modules[0]!r} on)" if cause.modules else ""
    return f"the evaluation data is unlike the training data, and the running statistics do not fit it{first}"


def _dropout(cause: Cause, measured: Measurements) -> str:
    main = next((r for r in measured.layers if r.module in cause.modules[:1]), None)
    where, what = f"batch norm {norms.named(cause)}" if cause.modules else "a batch norm", "its input"
    up = ""
    if len(cause.modules) > 1:
        where, what, up = f"the batch norms {norms.named(cause)}", "their inputs", " up to"
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
        f"{norms.named(cause) or 'a module'} ask{s} for the mode (self.training), and on average give{s} "
        "another output in each"
    )


def _batch(cause: Cause, measured: Measurements) -> str:
    if cause.title.startswith("an instance norm"):
        return (
            f"{norms.named(cause)} normalises each sample by itself in train mode, and by running statistics "
            "in eval mode"
        )
    size = measured.conditions.batch_size if measured.conditions else 0
    fewest = min((r.samples_per_channel for r in measured.layers), default=0)
    few = f" of {size} samples (as few as {fewest:,.0f} values a channel)" if size and fewest else ""
    return (
        f"train mode normalises by the mean and variance of its batches{few}, eval mode by those stored from "
        f"{_data(measured)}, and the two differ"
    )


def _noise(cause: Cause, measured: Measurements) -> str:
    return f"eval mode is random{f', in {norms.named(cause)}' if cause.modules else ''}"


SENTENCES: dict[str, Callable[[Cause, Measurements], str]] = {
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
