"""Whether the statistics are settled: by chance, and by what a further pass would make of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.probe.statistics.moments import Moments, apart
from evalcheck.recalibration.clusters import Clusters
from evalcheck.recalibration.collection import PARTS, Collection
from evalcheck.recalibration.one_pass import Passed

# Two halves may differ by so many times what chance gives on average, more for norms of few channels; KL
# divergences up to which statistics are as good as those of all data, and those of a further pass the same.
TIMES, FEW_CHANNELS = 4.0, 8.0
SCATTER, FURTHER = 0.002, 0.01
# Whole batches that scatter so many times as far as shuffled samples are sorted in some way.
ORDERED = 2.0


@dataclass(frozen=True)
class Convergence:
    """KL divergences, symmetrised, mean over channels, each of the worst norm.

    ``halves`` lies between the statistics of two halves of the batches, where chance gives ``chance``, and
    ``agree`` says that it is no more than that; ``scatter`` is what chance puts between these statistics
    and those of all data; ``further`` is what a further pass would change. ``enough`` is a number of
    samples that would bring ``scatter`` down to 0.002, 0 where it is. ``sorted`` says that the samples are
    few because they came in batches of the loader that differ, and others of its batches were not read.
    """

    halves: float
    chance: float
    scatter: float
    further: float
    agree: bool
    samples: int
    enough: int = 0
    sorted: bool = False

    @property
    def settled(self) -> bool:
        """Whether nothing speaks against the statistics."""
        return self.agree and not self.enough and self.further <= FURTHER

    @property
    def told(self) -> str:
        """One sentence."""
        moved = f"a further pass would move the statistics by {self.further:.2g} (KL)"
        if self.enough and self.sorted:
            return (
                "not settled: the loader's batches differ from each other, and only a part of them was read, "
                f"which moves the statistics by about {self.scatter:.2g} (KL): shuffle the loader, or use "
                f"all of its samples; {moved}"
            )
        if self.enough:
            return (
                f"more samples are needed: chance alone moves the statistics of {self.samples:,} samples by "
                f"{self.scatter:.2g} (KL), about {self.enough:,} would bring that to {SCATTER:g}; {moved}"
            )
        if not self.agree:
            return (
                f"not settled: two halves of the batches differ by {self.halves:.2g} (KL), where chance "
                f"gives {self.chance:.2g}: shuffle the loader, or take more samples; {moved}"
            )
        if self.further > FURTHER:
            return f"two halves agree within chance, but {moved}: larger batches would be nearer"
        return f"converged: two halves agree within chance; {moved}"


def judged(norms: Mapping[str, _BatchNorm], passed: Passed) -> Convergence:
    """From the pass itself, and from an eval-mode pass over the samples of its first batches.

    What a further pass would change is told by these samples alone, in both passes: so chance, which is
    the same in both, falls out. It is never applied: repeated on its own result, the eval-mode estimate
    diverges in deep networks.
    """
    main, check = passed.main, passed.check
    told = main if len(main.tables) >= PARTS else check
    new, again, then = main.pooled(), check.pooled(), main.pooled(0, passed.first)
    further = max(
        (apart(new[path], _moved(new[path], then[path], again[path], norms[path].eps), norms[path].eps)
         for path in again if path in then),
        default=0.0,
    )  # fmt: skip
    halves, chance, agree = _halves(norms, told)
    shuffled, loaded = _scatter(main, told, passed.clusters)
    enough = ceil(main.samples * loaded / SCATTER / 100) * 100 if loaded > SCATTER else 0
    return Convergence(
        halves, chance, loaded, further, agree, main.samples, enough, loaded > ORDERED * shuffled
    )


def _scatter(main: Collection, told: Collection, clusters: Clusters | None) -> tuple[float, float]:
    """What chance leaves of KL: by shuffled samples, and by the loader's batches; of the worst norm each."""
    share, new = told.samples / main.samples, main.pooled()
    shuffled = {path: told.chance(path) * share for path in told.pooled() if path in new}
    loaded = dict(shuffled)
    for path in clusters.found.pooled() if clusters is not None else ():
        if clusters is not None and path in loaded:
            loaded[path] += clusters.excess(path, max(1.0, told.scatter(path))) / new[path].n
    return max(shuffled.values(), default=0.0), max(loaded.values(), default=0.0)


def _halves(norms: Mapping[str, _BatchNorm], told: Collection) -> tuple[float, float, bool]:
    """KL of the two halves and what chance gives, of the norm where they are furthest apart."""
    middle = len(told.tables) // 2
    if not middle:
        return 0.0, 0.0, True
    one, two = told.pooled(0, middle), told.pooled(middle)
    found = []
    for path in one.keys() & two.keys():
        between = apart(one[path], two[path], norms[path].eps)
        # Each half has half of the values, and both scatter.
        chance = 4 * told.chance(path)
        limit = (TIMES + FEW_CHANNELS / len(one[path].mean) ** 0.5) * chance
        found.append((between / max(limit, SCATTER), between, chance))
    over, between, chance = max(found, default=(0.0, 0.0, 0.0))
    return between, chance, over <= 1


def _moved(new: Moments, then: Moments, again: Moments, eps: float) -> Moments:
    ratio = (again.var + eps) / (then.var + eps)
    return Moments(new.n, new.mean + again.mean - then.mean, new.n * ((new.var + eps) * ratio - eps))
