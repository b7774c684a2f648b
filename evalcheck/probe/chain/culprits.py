"""Which modules a step from eval mode to train mode comes from, the main one first."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from evalcheck.probe.chain.custom import Custom
from evalcheck.probe.passes import Passes
from evalcheck.probe.statistics.moments import CallMoments, Moments, running, symmetric_kl
from evalcheck.probe.statistics.population import Population

# KL divergence from which a norm's statistics are called wrong; healthy norms stay below 0.005.
WRONG = 0.01
# KL divergence between a norm's input with dropout and without: healthy norms stay below 0.002.
WIDENED = 0.005
# Of the largest divergence: a norm that is this far off is no mere heir of one behind it.
CLEARLY = 0.25


@dataclass
class Culprits:
    """Norms are ranked by what the step changes at them, on the path of batch statistics."""

    passes: Passes
    population: Population
    custom: Custom

    def of(self, step: str) -> tuple[str, ...]:
        """All of its modules; none where the step has none that could be told apart."""
        if step == "custom":
            return self.custom.culprits or self.custom.likely
        if step == "batch" and self.passes.instance_norms:
            # One sample is their batch: nothing can be smaller.
            return self.passes.instance_norms
        ranked = {
            "stale": self.stale,
            "dropout": self.widened,
            "shared": self.between,
            "domain": self.population.shifts,
            "batch": self.crowded,
        }.get(step, {})
        least = {"stale": WRONG, "dropout": WIDENED, "domain": WRONG}.get(step, 0.0)
        wrong = sorted((path for path in ranked if ranked[path] > least), key=lambda path: -ranked[path])
        if step in ("domain", "dropout") and wrong:
            # What is far off at one norm travels on to those behind it: the first is where it comes in.
            clear = [path for path in ranked if ranked[path] > max(least, CLEARLY * ranked[wrong[0]])]
            wrong = [*clear[:1], *(path for path in wrong if path not in clear[:1])]
        return tuple(wrong)

    @property
    def stale(self) -> dict[str, float]:
        """KL divergence of each norm's running statistics from what they should be."""
        norms = self.passes.norms
        return {
            path: self._kl(path, running(norms[path]), right) for path, right in self.population.aimed.items()
        }

    @property
    def widened(self) -> dict[str, float]:
        """KL divergence of each norm's inputs with dropout on from those with dropout off."""
        noisy = self.population.noisy_moments
        return {
            path: self._kl(path, noisy[path].pooled, entry.pooled)
            for path, entry in self.population.moments.items()
            if path in noisy
        }

    @property
    def between(self) -> dict[str, float]:
        """KL divergence between the calls of each norm that has several."""
        return {path: self._apart(path, entry) for path, entry in self.population.moments.items()}

    @property
    def crowded(self) -> dict[str, float]:
        """What few values a channel leave of noise in a norm's statistics: 1.5 / n."""
        return {path: 1.5 / max(1, min(entry.per_batch)) for path, entry in self.population.moments.items()}

    def _apart(self, path: str, entry: CallMoments) -> float:
        return max((self._kl(path, entry.calls[0], call) for call in entry.calls[1:]), default=0.0)

    def _kl(self, path: str, one: Moments, two: Moments) -> float:
        found: Tensor = symmetric_kl(one, two, self.passes.norms[path].eps)
        return float(found.mean())
