"""What an eval output depends on besides its own sample: luck, and the size of its batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe import outputs
from evalcheck.probe.fingerprints import Prints, culprit, fingerprints
from evalcheck.probe.outputs import Leaves
from evalcheck.probe.pool import Pool
from evalcheck.probe.runner import NoRows, Runner

SIZES = (1, 2, 3, 8)


@dataclass(frozen=True)
class Difference:
    """Two runs that should agree: by how much they do not, and the module in which they part.

    ``size`` is the root mean square of the difference over that of the output; ``module`` is the one
    in whose own forward they part, ``""`` for the model itself, None where none could be named.
    ``batch_size`` is the size of the batches compared with the whole, None for a repetition.
    """

    size: float
    module: str | None
    batch_size: int | None = None


@dataclass
class Dependence:
    """Runs the first batch of a pool again and again in eval mode, and compares."""

    run: Runner
    pool: Pool

    def repetition(self, tolerance: float) -> Difference:
        """Two passes over one batch, the generators running on in between."""
        batch = next(iter(self.pool.grouped()))
        torch.manual_seed(0)
        first, prints = self._printed(batch)
        second, again = self._printed(batch)
        size = relative(outputs.wide(first), outputs.wide(second, list(first)))
        return Difference(size, culprit(prints, again, tolerance) if size > tolerance else None)

    def batch_sizes(self, tolerance: float, samples: int) -> list[Difference]:
        """The same samples in batches of 1, 2, 3, 8 against all at once."""
        if self.pool.whole is None:
            raise Unanswerable("the batches differ in shape, so that samples cannot be put together")
        if self.pool.samples < 2:
            raise Unanswerable("it takes two samples or more")
        whole = self.pool.whole.rows(torch.arange(min(samples, self.pool.samples)))
        expected, prints = self._printed(whole, row=0)
        found = []
        for size in (size for size in SIZES if size < whole.size):
            cut = torch.split(torch.arange(whole.size), size)
            try:
                parts = [self._printed(whole.rows(rows), row=0) for rows in cut]
            except (Complaint, Unanswerable):
                continue  # A model may need a fixed batch size: refusing is not depending.
            together = outputs.joined([leaves for leaves, _ in parts])
            paths = [p for p in expected if p in together and together[p].shape == expected[p].shape]
            if not paths:
                continue
            gap = relative(outputs.wide(expected, paths), outputs.wide(together, paths))
            module = culprit(prints, parts[0][1], tolerance) if gap > tolerance else None
            found.append(Difference(gap, module, size))
        return found

    def _printed(self, batch: Batch, row: int | None = None) -> tuple[Leaves, Prints]:
        model = self.run.model
        with untouched(model, parameters=False, randomness=False), torch.no_grad():
            model.eval()
            with fingerprints(model, row) as record:
                leaves = outputs.leaves(self.run.forward(batch), batch.size)
        if not leaves:
            raise Unanswerable(NoRows.REASON)
        return leaves, record


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
