"""The norms and modules that a sentence names, the largest part first, with their parts of the difference."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from evalcheck.finding import Finding
from evalcheck.measurement import Cause, LayerReading, Measurements
from evalcheck.reporters.numbers import joined, share

# The norms explain the difference to within this part of it.
CLOSE = 0.1
# Parts of the difference below this are not worth a name, where nothing else says that they are meant.
SLIGHT = 0.01
# Names longer than this stand alone in their sentence.
LONG = 40
SHARE, PART = " of the difference)", " of what the norms explain)"


def stale(cause: Cause, measured: Measurements, finding: Finding | None = None) -> str:
    """The norms whose statistics are off: those that the finding counts, where there is one."""
    meant: Collection[str] = cause.modules
    if finding is not None:
        seen = [sighting for sighting in finding.sightings if sighting.layer == "probe"]
        found = {place.module for sighting in seen for place in sighting.places}
        meant = [reading.module for reading in measured.layers if reading.module in found] or meant
    wrong = [reading for name in meant for reading in measured.layers if reading.module == name]
    return shared_out(wrong, measured) or named(cause)


def named(cause: Cause) -> str:
    names = [f"'{module}'" if module else "the model itself" for module in cause.modules]
    return joined(names, _fitting(names))


def is_part(measured: Measurements) -> bool:
    """Whether the norms explain less than the difference, or more: their shares are of what they explain."""
    return measured.completeness is not None and abs(measured.completeness - 1) > CLOSE


def has_parts(sentence: str) -> bool:
    """Whether a share of the difference stands in it already."""
    return SHARE in sentence or PART in sentence


def worth(readings: Sequence[LayerReading]) -> list[LayerReading]:
    """Those that make a part of the difference; all where nothing was attributed."""
    return [r for r in readings if r.share is not None and r.share >= SLIGHT] or list(readings)


def shared_out(readings: Sequence[LayerReading], measured: Measurements) -> str:
    """``'a' (62% of the difference), 'b' (38%)``: parts so far as they were attributed."""
    words = []
    share_of = PART if is_part(measured) else SHARE
    for place, reading in enumerate(sorted(readings, key=lambda r: -(r.share or 0.0))):
        part = "" if reading.share is None else share(reading.share)
        of_what = share_of if place == 0 else ")"
        words.append(f"'{reading.module}'{f' ({part}{of_what}' if part else ''}")
    return joined(words, _fitting([reading.module for reading in readings]))


def _fitting(names: Sequence[str]) -> int:
    """How many names a sentence bears."""
    return 1 if any(len(name) > LONG for name in names) else 3
