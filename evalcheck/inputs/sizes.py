"""Finds the size of pictures and signals where the model leaves it open, or wants exactly one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from evalcheck.inputs import complaints
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Outcome

# Values per channel below which a batch norm's statistics are too noisy to look at.
FEW = 16

# In the order in which they are tried: the smallest that nets for photographs take, then the usual
# sizes of photographs, then what nets for digits take, last those of large photographs.
LADDERS = {
    1: (256, 1024, 4096, 16000, 64, 128, 100, 512, 32, 16, 32000, 64000),
    2: (64, 96, 128, 224, 256, 32, 28, 299, 384, 512, 16, 8, 1024),
    3: (32, 64, 16, 48, 96, 128, 8),
}
# Beyond these, growing costs more than fuller norms are worth.
CEILING = {1: 16000, 2: 256, 3: 64}
LIMIT = {1: 1 << 17, 2: 1024, 3: 256}

Try = Callable[[Call], Outcome]


def solved(call: Call, outcome: Outcome, attempt: Try) -> Iterator[Call]:
    """The size at which the two numbers of a mismatch agree, by bisection.

    A flattened picture's length and a row of patches grow with its size: at two sizes the number that
    moved belongs to the input, the other to the weights.
    """
    pair, size = complaints.mismatch(outcome.reason, outcome.samples), call.size
    if pair is None or size is None:
        return
    limit = LIMIT[call.axes]
    other = attempt(call.resized(size * 2))
    moved = complaints.mismatch(other.reason, other.samples)
    if moved is None or moved == pair:
        return
    place = 0 if moved[0] != pair[0] else 1
    if moved[1 - place] != pair[1 - place]:
        return
    wanted, low, high = pair[1 - place], 1, limit
    if pair[place] > wanted:
        high = size
    else:
        low = size
    while low < high:
        middle = (low + high) // 2
        found = attempt(call.resized(middle))
        now = complaints.mismatch(found.reason, found.samples)
        if found.ok:
            rounder = (call.resized(number) for number in _round(middle))
            yield next((each for each in rounder if attempt(each).ok), call.resized(middle))
            return
        # An error of another kind before the place in question: the picture is too small to get there.
        if now is None or now[place] < wanted:
            low = middle + 1
        elif now[place] > wanted:
            high = middle
        else:
            yield call.resized(middle)
            return


def _round(size: int) -> Iterator[int]:
    """Rounder sizes near by, which rounding in the net may allow as well."""
    for step in (32, 16, 8, 4, 2):
        for number in (-(-size // step) * step, size // step * step):
            if number and number != size and abs(number - size) < step:
                yield number


def grown(call: Call, outcome: Outcome, attempt: Try, accepts: Callable[[Call], bool]) -> Call:
    """A larger size where the smallest leaves a batch norm with few values that a larger one would have."""
    size, best, least = call.size, call, outcome.norms
    if size is None or min(least, default=FEW) >= FEW:
        return call
    for larger in sorted(n for n in LADDERS[call.axes] if size < n <= CEILING[call.axes]):
        next_call = call.resized(larger)
        seen = attempt(next_call)
        if not seen.ok or len(seen.norms) != len(least):
            continue
        poor = [(now, before) for now, before in zip(seen.norms, least, strict=True) if before < FEW]
        if all(now == before for now, before in poor):
            return best
        if accepts(next_call):
            best, least = next_call, seen.norms
        if min(least) >= FEW:
            return best
    return best
