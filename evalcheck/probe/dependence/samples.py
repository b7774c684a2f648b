"""What an eval output depends on besides its own sample: one room, one small batch, six questions."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from evalcheck.finding import Unanswerable
from evalcheck.probe.dependence import autocast, gradients, padding, sequences
from evalcheck.probe.dependence.autocast import Halved
from evalcheck.probe.dependence.axes import takes_time_first
from evalcheck.probe.dependence.bench import SAMPLES, Bench
from evalcheck.probe.dependence.difference import Difference
from evalcheck.probe.dependence.gradients import Contrast
from evalcheck.probe.dependence.mates import Influence, Mates
from evalcheck.probe.dependence.padding import Padded
from evalcheck.probe.dependence.repetition import repetition
from evalcheck.probe.dependence.sizes import Sizes
from evalcheck.probe.pool import Pool
from evalcheck.probe.running.runner import Runner

# Relative to the output; ``SHARE`` to what replacing a sample does. A rule that asks for another one's
# answer uses these.
UNSTEADY, TOLERANCE, SHARE, NOISE = 1e-5, 1e-4, 1e-3, 1e-5


@dataclass
class Dependence:
    """Runs a few samples of a pool again and again in eval mode, and compares.

    Which module differs is looked for only once outputs do: most models agree, and looking costs
    more than running.
    """

    run: Runner
    pool: Pool
    _repetitions: dict[float, Difference] = field(default_factory=dict)
    _influences: dict[tuple[float, float], Influence] = field(default_factory=dict)
    _sizes: dict[tuple[float, int], list[Difference]] = field(default_factory=dict)

    @cached_property
    def bench(self) -> Bench:
        """The samples that all questions are asked on."""
        return Bench(self.run, self.pool)

    @cached_property
    def _cuts(self) -> Sizes:
        return Sizes(self.bench)

    def repetition(self, tolerance: float) -> Difference:
        """Two passes over one batch, the generators running on in between."""
        if tolerance not in self._repetitions:
            self._repetitions[tolerance] = repetition(self.bench, tolerance)
        return self._repetitions[tolerance]

    def batch_sizes(self, tolerance: float = TOLERANCE, samples: int = SAMPLES) -> list[Difference]:
        """The same samples in small batches against all at once: mixed sizes, then each where they differ."""
        self._demand_steady()
        key = tolerance, samples
        if key not in self._sizes:
            cuts = self._cuts if samples == SAMPLES else Sizes(Bench(self.run, self.pool, samples))
            self._sizes[key] = cuts.differences(tolerance)
        return self._sizes[key]

    def mates(self, share: float = SHARE, noise: float = NOISE) -> Influence:
        """Other mates, and another order, in batches of one size."""
        key = share, noise
        if key not in self._influences:
            self._influences[key] = Mates(self.bench, self._cuts).influence(share, noise)
        return self._influences[key]

    def takes_time_first(self, module: str | None) -> bool:
        """Whether the module in which runs part takes the first dimension for time, that of samples here."""
        return takes_time_first(self.run.model, module)

    @property
    def has_targets(self) -> bool:
        """Whether targets tell that the inputs' first dimension is that of the samples."""
        return any(batch.targets is not None for batch in self.pool.batches)

    def gradient_modes(self, tolerance: float) -> list[Contrast]:
        """With gradients and in inference mode, each against ``no_grad``."""
        self._demand_steady()
        return gradients.contrasts(self.bench, tolerance)

    def autocast(self, tolerance: float, rounding: float) -> Halved:
        """Under bfloat16 autocast, against float32."""
        self._demand_steady()
        return autocast.halved(self.bench, tolerance, rounding)

    def padding(self, tolerance: float) -> Padded | None:
        """With more padding; None where the batch tells nothing of padding.

        Raises :class:`Unanswerable` for rows of token numbers of which nothing says what is padding.
        """
        self._demand_steady()
        found = padding.padded(self.bench, tolerance)
        if found is None and sequences.holds_tokens(self.bench.batch):
            raise Unanswerable("the batch holds token numbers, and no mask or lengths say which are padding")
        return found

    def _demand_steady(self) -> None:
        if self.repetition(UNSTEADY).real:
            raise Unanswerable("eval differs from itself on one and the same batch, which hides this")
