"""The same sequences with more padding."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence.bench import Bench
from evalcheck.probe.dependence.difference import Difference
from evalcheck.probe.dependence.fastpath import responsible
from evalcheck.probe.dependence.fingerprints import culprit
from evalcheck.probe.dependence.sequences import Sequences, recognised
from evalcheck.probe.pool import OutOfMemory

# At least so many, and an eighth of the length: a layer with a stride must see them.
COLUMNS, SHARE = 4, 8


@dataclass(frozen=True)
class Padded:
    """``seen`` compares the outputs that hold data; ``told`` is the input that says which do.

    ``columns`` more of padding were there in the second run.
    """

    seen: Difference
    told: str
    columns: int


def padded(bench: Bench, tolerance: float) -> Padded | None:
    """None where the batch tells nothing of padding, as pictures do not."""
    found = recognised(bench.batch, bench.model)
    if found is None:
        return None
    sequences, longer, columns = _pair(found)

    def question() -> float | None:
        try:
            return sequences.gap(bench.output(sequences.batch), bench.output(longer))
        except OutOfMemory:
            raise
        except Complaint:
            raise Unanswerable(f"the model refuses {columns} more columns of padding") from None

    size, real = bench.judged(question, tolerance)
    if not real:
        return Padded(Difference(size), sequences.name, columns)
    with bench.guarded(apart=True):
        one = bench.printed(sequences.batch, sequences.view(0))
        two = bench.printed(longer, sequences.view(columns))
    module = culprit(one, two, bench.limit(tolerance))
    module = responsible(bench, question, tolerance) if module is None else module
    return Padded(Difference(size, module, real=True), sequences.name, columns)


def _pair(found: Sequences) -> tuple[Sequences, Batch, int]:
    """What is compared: with less of the padding that is there, else with more than there is."""
    if (pair := found.trimmed()) is not None:
        return *pair, found.length - pair[0].length
    columns = max(COLUMNS, found.length // SHARE)
    return found, found.padded(columns), columns
