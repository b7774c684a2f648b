"""All that was measured of the two modes: what answers the question, and the rest with ``-v``."""

from __future__ import annotations

from collections.abc import Iterator

from evalcheck.measurement import Divergence, Measurements
from evalcheck.reporters import layers
from evalcheck.reporters.numbers import joined
from evalcheck.reporters.sheet import WHOLE, Sheet, number, part


def of(measured: Measurements, wrong: bool, verbose: bool) -> Iterator[Sheet | str]:
    """Tables, and sentences between them; ``wrong`` says that the modes were found to differ."""
    main = layers.main_cause(measured) if wrong else ""
    # Who had modules toggled one by one wants to see what came of it.
    norms = any(reading.exact is not None for reading in measured.layers)
    noisy = any(reading.exact is not None for reading in measured.stochastic)
    if measured.layers and (verbose or norms or main in layers.BY_NORMS):
        yield layers.of_norms(measured, verbose)
        if verbose:
            yield _details(measured)
    if measured.stochastic and (verbose or noisy or main == "custom"):
        yield layers.of_stochastic(measured, verbose)
    if not verbose:
        return
    if measured.divergence is not None:
        yield _split(measured.divergence)
    if measured.causes:
        yield _causes(measured)
    if measured.divergence is not None and measured.divergence.outputs:
        yield _outputs(measured.divergence)


def _split(divergence: Divergence) -> str:
    parts = [
        f"{divergence.total:.3g} of the output's variance",
        f"noise of one train pass {divergence.noise:.3g}",
    ]
    if divergence.fixable is not None and divergence.intrinsic is not None:
        parts.append(f"statistics would mend {divergence.fixable:.3g}")
        parts.append(f"small batches and dropout leave {divergence.intrinsic:.3g}")
    parts.append(f"these samples can tell {divergence.limit:.2g}")
    if divergence.flips is not None:
        low, high = divergence.flips.interval
        parts.append(f"{divergence.flips.share:.1%} of the classes flip ({low:.1%} to {high:.1%})")
        parts.append(f"probabilities diverge by {divergence.flips.kl:.3g} nats")
    return f"Modes apart by {'; '.join(parts)}."


def _details(measured: Measurements) -> Sheet:
    """What else was measured of each norm: why its statistics are off, and how noisy its batches are."""
    domain = any(reading.domain is not None for reading in measured.layers)
    last = ("data apart",) if domain else ()
    headers = ("norm", "momentum", "initial", "by count", "dropout", "predicted", "n", "noise", *last)
    rows = []
    for reading in measured.layers:
        momentum = "mean" if reading.momentum is None else f"{reading.momentum:g}"
        numbers = [part(reading.residual), part(reading.residual_expected)]
        numbers += [number(reading.dropout_ratio), number(reading.dropout_predicted)]
        numbers += [number(reading.n_eff, ",.0f"), number(reading.noise)]
        numbers += [number(reading.domain)] if domain else []
        rows.append((reading.module or WHOLE, momentum, *numbers))
    aside = (
        "Initial: how much of the statistics is still the mean 0 and variance 1 of construction, fitted, and "
        "by the count of updates. Dropout: variance in train mode over that in eval mode, and as predicted. "
        "n: independent values in a batch."
    )
    return Sheet(headers, tuple(rows), (aside,))


def _causes(measured: Measurements) -> Sheet:
    """A row for each step from eval mode to train mode, the main cause first."""
    headers = ("step to train mode", "size", "95 % interval", "counts from", "mainly in")
    rows = []
    for cause in measured.causes:
        interval = f"{cause.interval[0]:.2g} to {cause.interval[1]:.2g}" if cause.interval else ""
        where = joined([module or WHOLE for module in cause.modules], 1)
        title = f"* {cause.title}" if cause.material else cause.title
        size = f"{cause.size:.2g}" if cause.size >= 1e-4 else "0"
        rows.append((title, size, interval, f"{cause.threshold:.2g}", where))
    return Sheet(headers, tuple(rows), ("Sizes in units of the output's variance; * counts as a cause.",))


def _outputs(divergence: Divergence) -> Sheet:
    """A row for each leaf of a structured output, the most distant first."""
    headers = ("output", "numbers a sample", "modes apart by", "noise of train mode")
    rows = [
        (one.path or "(a tensor)", str(one.width), f"{one.total:.2g}", f"{one.noise:.2g}")
        for one in divergence.outputs
    ]
    return Sheet(headers, tuple(rows))
