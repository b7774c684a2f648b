"""What a recalibration did, for people and for programs, and the way back from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType

from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.statistics.moments import Moments
from evalcheck.recalibration.convergence import Convergence
from evalcheck.recalibration.writing import Written


@dataclass(frozen=True)
class Change:
    """One norm's new statistics: ``values`` a channel they were computed from, in ``calls`` per forward.

    ``kl`` is the symmetrised Kullback-Leibler divergence of the old statistics from the new ones, mean over
    channels; NaN where the old ones were not finite.
    """

    module: str
    kind: str
    values: int
    kl: float
    calls: int = 1


@dataclass
class Recalibration:
    """What was changed, from what, and how sure it is. ``with`` puts the old statistics back at its end.

    ``changes`` are in the order in which the norms ran; ``batches`` counts the loader's batches,
    ``batch_size`` the samples that went through the model at once; ``reasons`` say what was done otherwise
    than usual, and why.
    """

    changes: tuple[Change, ...]
    samples: int
    batches: int
    batch_size: int
    convergence: Convergence
    reasons: tuple[str, ...] = ()
    _written: Written = field(default_factory=Written, repr=False)

    @property
    def worst(self) -> Change:
        """The norm whose old statistics were furthest from the new ones."""
        return max(self.changes, key=lambda change: change.kl if change.kl == change.kl else float("inf"))

    @property
    def buffers(self) -> tuple[Tensor, ...]:
        """The buffers that were written, as they are now; none after :meth:`restore`."""
        return tuple(getattr(norm, name) for norm, name, _ in self._written.before)

    def write(self, norms: Mapping[str, _BatchNorm], new: Mapping[str, Moments]) -> None:
        """Put the new statistics in, all or none of them."""
        self._written.write(norms, new, self.batches)

    def restore(self) -> None:
        """Put the old statistics back, bit for bit; once is enough, more does nothing."""
        self._written.undo()

    def __enter__(self) -> Recalibration:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.restore()

    def __str__(self) -> str:
        first, *reasons = self.told
        return "\n".join([f"recalibrated {first}", self.convergence.told, *reasons])

    @property
    def told(self) -> list[str]:
        """What was recomputed from what, then the reasons; the convergence has words of its own."""
        count = len(self.changes)
        sizes = f"{self.batch_size:,} at a time" if self.batch_size < self.samples else "all at once"
        first = f"{count} batch norm{'s' * (count > 1)}, from {self.samples:,} samples ({sizes})"
        return [first, *self.reasons]
