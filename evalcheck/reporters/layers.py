"""The table of layers: how wrong each one is itself, and how much of the difference it makes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evalcheck.measurement import LayerReading, Measurements, StochasticReading
from evalcheck.reporters.norms import is_part
from evalcheck.reporters.sheet import WHOLE, WORST, Share, Sheet, number, part

BY_STATISTICS = ("stale", "shared", "dropout")
BY_NORMS = (*BY_STATISTICS, "domain", "batch")
# Fewer values in a channel than this make a batch's mean and variance noisy.
FEW = 64


@dataclass(frozen=True, slots=True)
class Fault:
    """What is measured of a norm where a cause is the main one: its header, its figure, how to read it."""

    header: str
    figure: Callable[[LayerReading], float | None]
    aside: str
    form: str = ".2g"


STATISTICS = Fault(
    "statistics wrong by",
    lambda reading: reading.root,
    "Wrong by: the stored mean and variance against those of the data, as KL divergence: 0 is no "
    "difference, beyond 0.01 they are called wrong.",
)
FAULTS = {
    "dropout": Fault(
        "input varies",
        lambda reading: reading.dropout_ratio,
        "Input varies: how many times as much in train mode, with dropout, as in eval mode; 1 is no "
        "difference.",
        ".3g",
    ),
    "domain": Fault(
        "inputs off by",
        lambda reading: reading.domain,
        "Off by: the norm's inputs in evaluation against those in training, as KL divergence: 0 is no "
        "difference.",
    ),
    "batch": Fault(
        "independent values",
        lambda reading: reading.n_eff,
        "Independent values: what a batch gives a channel to take its mean and variance from; few make "
        "them noisy.",
        ",.0f",
    ),
}


# A norm that makes such a part of the difference, with statistics that are called right.
LARGE, WRONG = 0.1, 0.01
ADD_UP = "No statistic is far off by itself; the small errors of several layers add up."


def main_cause(measured: Measurements) -> str:
    """The name of the main cause, empty where there is none."""
    return next((cause.name for cause in measured.causes if cause.material), "")


def of_norms(measured: Measurements, verbose: bool) -> Sheet:
    """A row for each batch norm, those first that the main cause is about."""
    main, layers = main_cause(measured), list(measured.layers)
    fault = FAULTS.get(main, STATISTICS)
    if all(fault.figure(reading) is None for reading in layers):
        fault = STATISTICS
    if main in ("domain", "batch"):
        layers.sort(key=lambda reading: fault.figure(reading) or 0.0, reverse=main == "domain")
    columns = _columns(layers, fault, main, verbose, is_part(measured))
    shown = layers if verbose else layers[:WORST]
    rows = tuple((r.module or WHOLE, *(cell(r) for _, cell in columns)) for r in shown)
    asides = [fault.aside, *([ADD_UP] if fault is STATISTICS and _add_up(layers, main) else [])]
    whole = measured.completeness
    if _is_shared_out(layers, main, verbose) and whole is not None and is_part(measured):
        asides.append(
            f"Together the norms' statistics explain {whole:.0%} of the difference; the parts are of that."
        )
    left = len(layers) - len(shown)
    return Sheet(("norm", *(title for title, _ in columns)), rows, tuple(asides), left)


def _add_up(layers: Sequence[LayerReading], main: str) -> bool:
    large = [reading for reading in layers if (reading.share or 0.0) >= LARGE]
    return main == "stale" and len(large) > 1 and all(reading.root < WRONG for reading in large)


Column = tuple[str, Callable[[LayerReading], str | Share]]


def _columns(
    layers: Sequence[LayerReading], fault: Fault, main: str, verbose: bool, partly: bool
) -> list[Column]:
    """The fault itself and what it does; calls and values only where they matter."""
    columns: list[Column] = [(fault.header, lambda r: number(fault.figure(r), fault.form))]
    if _is_shared_out(layers, main, verbose):
        title = "part of what they explain" if partly else "part of the difference"
        columns.append((title, lambda r: Share(r.share)))
    if any(reading.exact is not None for reading in layers):
        columns.append(("repaired alone", lambda r: part(r.exact)))
    if verbose or any(reading.calls > 1 for reading in layers):
        columns.append(("calls", lambda r: str(r.calls)))
    if verbose or main == "batch" or min((r.samples_per_channel for r in layers), default=FEW) < FEW:
        columns.append(("values a channel", lambda r: f"{r.samples_per_channel:,.0f}"))
    return columns


def _is_shared_out(layers: Sequence[LayerReading], main: str, verbose: bool) -> bool:
    """Shares are of what statistics do: they would puzzle where something else is the cause."""
    known = any(reading.share is not None for reading in layers)
    return known and (verbose or main in BY_STATISTICS)


def of_stochastic(measured: Measurements, verbose: bool) -> Sheet:
    """A row for each module that draws or does otherwise in train mode, the one to blame first."""
    readings: list[StochasticReading] = list(measured.stochastic)
    biased = any(reading.bias_share is not None for reading in readings)
    toggled = any(reading.exact is not None for reading in readings)
    if biased and main_cause(measured) == "custom":
        readings.sort(key=lambda reading: reading.bias_share or 0.0, reverse=True)
    shown = readings if verbose else readings[:WORST]
    headers = ["module", "class", "rate", *(["part of the shift"] if biased else []), "part of the noise"]
    rows: list[tuple[str | Share, ...]] = []
    for reading in shown:
        row: list[str | Share] = [reading.module or WHOLE, reading.kind, number(reading.rate, "g")]
        row += [Share(reading.bias_share)] if biased else []
        row += [Share(reading.noise_share), *([part(reading.exact)] if toggled else [])]
        rows.append(tuple(row))
    aside = "Noise: how much train mode varies from pass to pass, which is what dropout is for."
    shift = "Shift: what train mode changes in the mean output, which is not. "
    left = len(readings) - len(shown)
    headers += ["noise alone"] if toggled else []
    return Sheet(tuple(headers), tuple(rows), (f"{shift if biased else ''}{aside}",), left)
