"""What a model's error says about the input that it wants."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from evalcheck.inputs.spec import SAMPLES

PRODUCT = re.compile(r"\[(\d+), (\d+)\] X \[(\d+), (\d+)\]|\((\d+)x(\d+) and (\d+)x(\d+)\)")
BROADCAST = re.compile(r"length (\d+) at -(\d+)!.*broadcastable to \[([\d, ]+)\]")
PAIRS = (
    re.compile(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)"),
    re.compile(r"running_mean should contain (?P<got>\d+) elements not (?P<wanted>\d+)"),
    re.compile(r"[Ee]xpected (?P<wanted>\d+),? (?:in dimension \d+ )?(?:but )?got (?P<got>\d+)"),
    re.compile(r"the output has (\d+) rows for (\d+) samples"),
)
VIEW = re.compile(r"shape '\[([-\d, ]+)\]' is invalid for input of size (\d+)")
UNPACKED = re.compile(r"(?:too many|not enough) values to unpack \(expected (\d+)(?:, got (\d+))?")
# A model that indexes its input by name says so with one of these; a tensor takes no string.
NAMED = ("only integers, slices", "too many indices for tensor", "invalid data type 'str'")
PLAUSIBLE = range(8, 1025)


def mismatch(text: str, samples: int = SAMPLES) -> tuple[int, int] | None:
    """Two sizes that should be one, the one that was met first; None where no such thing is said."""
    if UNPACKED.search(text):
        return None
    if found := PRODUCT.search(text):
        numbers = [int(number) for number in found.groups() if number]
        return numbers[1], numbers[2]
    if found := BROADCAST.search(text):
        shape = [int(size) for size in found[3].split(",")]
        axis = int(found[2])
        return (shape[-axis], int(found[1])) if axis <= len(shape) else None
    if found := VIEW.search(text):
        shape = [int(size) for size in found[1].split(",")]
        known = math.prod(size for size in shape if size > 0)
        return (int(found[2]) // samples, known) if -1 in shape else (int(found[2]), known)
    for pattern in PAIRS:
        if found := pattern.search(text):
            named = found.groupdict()
            pair = (named["got"], named["wanted"]) if named else found.groups()
            return int(pair[0]), int(pair[1])
    return None


def width(text: str) -> int | None:
    """The width of the rows that a matrix wants: the input may be a vector of that many features."""
    found = PRODUCT.search(text)
    return [int(number) for number in found.groups() if number][2] if found else None


def sizes(text: str) -> Iterator[int]:
    """Numbers in the message that may be the size it wants: "Input height (64) doesn't match model (224)"."""
    numbers = [int(number) for number in re.findall(r"(?<![\w.])\d{1,4}(?![\w.]*\w)", text)]
    for number in dict.fromkeys(reversed(numbers)):
        if number in PLAUSIBLE:
            yield number


def unpacked(text: str, rank: int) -> int | None:
    """Into how many values the input was to be unpacked; not its shape, which has ``rank`` values."""
    found = UNPACKED.search(text)
    if found is None or found[2] == str(rank):
        return None
    return int(found[1]) if 1 < int(found[1]) <= 8 else None


def wants_names(error: BaseException) -> bool:
    """Whether the input was indexed by a name, as a mapping is."""
    text = str(error)
    kinds = (IndexError, TypeError, AttributeError)
    named = any(part in text for part in NAMED) or re.search(r"has no attribute '(keys|items|get)'", text)
    return isinstance(error, kinds) and bool(named)
