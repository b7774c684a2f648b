"""What an eval output depends on besides its own sample: luck, and the size of its batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe.dependence.fingerprints import Prints, culprit, fingerprints
from evalcheck.probe.pool import Pool
from evalcheck.probe.running import outputs
from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.running.outputs import Leaves
from evalcheck.probe.running.runner import NoRows, Runner

SIZES = (1, 2, 3, 8)


@dataclass(frozen=True)
class Difference:
    """Two runs that should agree: by how much they do not, and the module in which they part.

    ``size`` is the root mean square of the difference over that of the output; ``module`` is the one
    in whose own forward they part, ``""`` for the model itself, None where none could be named.
    ``batch_size`` is the size of the batches compared with the whole; None for a repetition, and for
    batches of mixed sizes.
    """

    size: float
    module: str | None
    batch_size: int | None = None


@dataclass
class Dependence:
    """Runs the first batch of a pool again and again in eval mode, and compares.

    Which module differs is looked for only once outputs do: most models agree, and looking costs
    more than running.
    """

    run: Runner
    pool: Pool
    _repetitions: dict[float, Difference] = field(default_factory=dict)

    def repetition(self, tolerance: float) -> Difference:
        """Two passes over one batch, the generators running on in between."""
        if tolerance not in self._repetitions:
            self._repetitions[tolerance] = self._repeated(tolerance)
        return self._repetitions[tolerance]

    def _repeated(self, tolerance: float) -> Difference:
        batch = next(iter(self.pool.grouped()))
        torch.manual_seed(0)
        first, second = self._plain(batch), self._plain(batch)
        size = relative(outputs.wide(first), outputs.wide(second, list(first)))
        if size <= tolerance:
            return Difference(size, None)
        torch.manual_seed(0)
        return Difference(size, culprit(self._printed(batch), self._printed(batch), tolerance))

    def batch_sizes(self, tolerance: float, samples: int) -> list[Difference]:
        """The same samples in small batches against all at once: mixed sizes, then each where they differ."""
        if self.pool.whole is None:
            raise Unanswerable("the batches differ in shape, so that samples cannot be put together")
        if self.pool.samples < 2:
            raise Unanswerable("it takes two samples or more")
        whole = self.pool.whole.rows(torch.arange(min(samples, self.pool.samples)))
        expected = self._plain(whole)
        mixed = self._gap(expected, whole, _mixed(whole.size))
        if mixed is not None and mixed <= tolerance:
            return [Difference(mixed, None)]
        found = []
        for size in (size for size in SIZES if size < whole.size):
            cut = torch.split(torch.arange(whole.size), size)
            if (gap := self._gap(expected, whole, cut)) is not None:
                module = self._parting(whole, cut[0], tolerance) if gap > tolerance else None
                found.append(Difference(gap, module, size))
        return found

    def _gap(self, expected: Leaves, whole: Batch, cut: Sequence[Tensor]) -> float | None:
        """How far the parts' outputs are from the whole's; None where they cannot be had or compared."""
        try:
            together = outputs.joined([self._plain(whole.rows(rows)) for rows in cut])
        except (Complaint, Unanswerable):
            return None  # A model may need a fixed batch size: refusing is not depending.
        paths = [p for p in expected if p in together and together[p].shape == expected[p].shape]
        return relative(outputs.wide(expected, paths), outputs.wide(together, paths)) if paths else None

    def _parting(self, whole: Batch, rows: Tensor, tolerance: float) -> str | None:
        return culprit(self._printed(whole, row=0), self._printed(whole.rows(rows), row=0), tolerance)

    def _plain(self, batch: Batch) -> Leaves:
        model = self.run.model
        with untouched(model, parameters=False, randomness=False), torch.no_grad():
            evaluating(model)
            leaves = outputs.leaves(self.run.forward(batch), batch.size)
        if not leaves:
            raise Unanswerable(NoRows.REASON)
        return leaves

    def _printed(self, batch: Batch, row: int | None = None) -> Prints:
        model = self.run.model
        with untouched(model, parameters=False, randomness=False), torch.no_grad():
            evaluating(model)
            with fingerprints(model, row) as record:
                self.run.forward(batch)
        return record


def _mixed(count: int) -> Sequence[Tensor]:
    """The rows of a batch in batches of 1, 2, 3, 8 and the rest."""
    sizes: list[int] = []
    for size in SIZES:
        if sum(sizes) + size < count:
            sizes.append(size)
    return torch.split(torch.arange(count), [*sizes, count - sum(sizes)])


def whereabouts(module: str | None) -> str:
    """Where two runs part, as the end of a sentence."""
    if module is None:
        return ""
    return (
        f"; they part in the forward of module {module!r}"
        if module
        else "; they part in the model's own forward"
    )


def relative(one: Tensor, two: Tensor) -> float:
    """Root mean square of the difference over that of the first; the plain one where that is zero."""
    scale = float(one.double().square().mean().sqrt())
    gap = float((one - two).double().square().mean().sqrt())
    return gap / scale if scale > 0 else gap
