"""The measured figures as tables for a terminal: norms, the way between the modes, parts of the output."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from evalcheck.measurement import Cause, LayerReading, OutputReading, StochasticReading
from evalcheck.reporters.numbers import joined

SHOWN_LAYERS = 8
WHOLE = "(the model itself)"


def of_layers(layers: Sequence[LayerReading], verbose: bool) -> Table:
    """A row for each norm, the largest share first."""
    shown = layers if verbose else layers[:SHOWN_LAYERS]
    headers = ["calls", "values per channel", "statistics off by (KL)", "share of the difference"]
    toggled = any(reading.exact is not None for reading in layers)
    grid = _grid("norm", *headers, *(["repaired alone"] if toggled else []))
    for reading in shown:
        numbers = [str(reading.calls), f"{reading.samples_per_channel:,.0f}", f"{reading.root:.2g}"]
        numbers.append(_part(reading.share))
        grid.add_row(reading.module or WHOLE, *numbers, *([_part(reading.exact)] if toggled else []))
    if len(shown) < len(layers):
        grid.add_row(f"and {len(layers) - len(shown)} more (-v shows all)")
    return grid


def of_norms(layers: Sequence[LayerReading]) -> Table:
    """What else was measured of each norm: why its statistics are off, and how noisy its batches are."""
    domain = any(reading.domain is not None for reading in layers)
    last = ["data apart (KL)"] if domain else []
    grid = _grid("norm", "momentum", "residual", "by count", "dropout", "predicted", "n", "noise", *last)
    for reading in layers:
        momentum = "mean" if reading.momentum is None else f"{reading.momentum:g}"
        numbers = [_part(reading.residual), _part(reading.residual_expected)]
        numbers += [_number(reading.dropout_ratio), _number(reading.dropout_predicted)]
        numbers += [_number(reading.n_eff, ",.0f"), _number(reading.noise)]
        numbers += [_number(reading.domain)] if domain else []
        grid.add_row(reading.module or WHOLE, momentum, *numbers)
    return grid


def of_stochastic(readings: Sequence[StochasticReading], verbose: bool) -> Table:
    """A row for each module that draws in train mode, the noisiest first."""
    shown = readings if verbose else readings[:SHOWN_LAYERS]
    biased = any(reading.bias_share is not None for reading in readings)
    toggled = any(reading.exact is not None for reading in readings)
    headers = [*(["share of the bias"] if biased else []), *(["noise alone"] if toggled else [])]
    grid = _grid("in train mode only", "class", "rate", "share of the noise", *headers)
    for reading in shown:
        rate = "" if reading.rate is None else f"{reading.rate:g}"
        parts = [reading.noise_share, *([reading.bias_share] if biased else [])]
        parts += [reading.exact] if toggled else []
        grid.add_row(reading.module or WHOLE, reading.kind, rate, *map(_part, parts))
    if len(shown) < len(readings):
        grid.add_row(f"and {len(readings) - len(shown)} more (-v shows all)")
    return grid


def _number(value: float | None, form: str = ".2g") -> str:
    return "" if value is None else format(value, form)


def _part(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"


def of_causes(causes: Sequence[Cause]) -> Table:
    """A row for each step from eval mode to train mode, the main cause first."""
    grid = _grid("from eval mode to train mode", "size", "95 % interval", "counts from", "mainly in")
    for cause in causes:
        interval = f"{cause.interval[0]:.2g} to {cause.interval[1]:.2g}" if cause.interval else ""
        where = joined([module or WHOLE for module in cause.modules], 2)
        title = f"{cause.title}" if not cause.material else f"* {cause.title}"
        size = f"{cause.size:.2g}" if cause.size >= 1e-4 else "0"
        grid.add_row(title, size, interval, f"{cause.threshold:.2g}", where)
    return grid


def of_outputs(outputs: Sequence[OutputReading]) -> Table:
    """A row for each leaf of a structured output, the most distant first."""
    grid = _grid("output", "numbers a sample", "modes apart by", "noise of train mode")
    for reading in outputs:
        grid.add_row(
            reading.path or "(a tensor)", str(reading.width), f"{reading.total:.2g}", f"{reading.noise:.2g}"
        )
    return grid


def _grid(first: str, *others: str) -> Table:
    grid = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    # Long names differ at their ends: none may be cut.
    grid.add_column(first, overflow="fold")
    for title in others:
        grid.add_column(title, justify="right")
    return grid
