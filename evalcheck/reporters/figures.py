"""All that was measured of the two modes, for who asks with ``-v``, ``--exact`` or by having a fault."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from evalcheck.measurement import Divergence, Measurements
from evalcheck.reporters import tables

BY_STATISTICS = ("stale", "shared", "dropout")


def of(measured: Measurements, wrong: bool, verbose: bool) -> Iterator[RenderableType]:
    """Tables with a line on how to read each; ``wrong`` says that the modes were found to differ."""
    # Shares are of what statistics do: they would puzzle where something else is the cause.
    main = next((cause.name for cause in measured.causes if cause.material), "")
    statistics = (wrong and main in BY_STATISTICS) or bool(measured.attempts)
    # Who had modules toggled one by one wants to see what came of it.
    alone = [reading.exact for reading in measured.layers]
    alone += [reading.exact for reading in measured.stochastic]
    toggled = any(part is not None for part in alone)
    if measured.layers and (verbose or statistics or toggled):
        yield from _layers(measured, verbose)
    if measured.stochastic and (verbose or toggled):
        yield from ("", tables.of_stochastic(measured.stochastic, verbose))
    if not verbose:
        return
    if measured.divergence is not None:
        yield from ("", _split(measured.divergence))
    if measured.causes:
        yield from ("", tables.of_causes(measured.causes))
        yield _aside("Sizes in units of the output's variance; * counts as a cause.")
    if measured.divergence is not None and measured.divergence.outputs:
        yield from ("", tables.of_outputs(measured.divergence.outputs))


def _layers(measured: Measurements, verbose: bool) -> Iterator[RenderableType]:
    yield from ("", tables.of_layers(measured.layers, verbose))
    yield _aside("Statistics off by: KL divergence from the data's; beyond 0.01 they are called wrong.")
    complete = measured.completeness
    if complete is not None and (verbose or abs(complete - 1) > 0.1):
        yield _aside(f"The shares explain {complete:.0%} of the difference.")
    if verbose:
        yield from ("", tables.of_norms(measured.layers))
        yield _aside(
            "Residual: weight of the initial mean 0 and variance 1, fitted, and by the count of updates. "
            "Dropout: variance in train mode over that in eval mode. n: independent values in a batch."
        )


def _split(divergence: Divergence) -> Text:
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
    return Text.assemble(("Modes apart by ", "bold"), "; ".join(parts) + ".")


def _aside(told: str) -> Text:
    return Text(told, style="dim")
