"""How much one eval pass scatters, with some of its randomness gated and without."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from torch import Tensor

from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.probe.dependence.samples import UNSTEADY
from evalcheck.probe.judging import distance
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import modes
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.running.runner import NoRows, Run
from evalcheck.remedies.gating import callers, resting
from evalcheck.remedies.gating.mode import KINDS, Gate, Kind
from evalcheck.remedies.outcome import Outcome, Symptom

# As the noise of eval mode is measured elsewhere: two passes would say little of what a batch shares.
PASSES, SAMPLES = 4, 256
# In units of the output's variance; of these draws alone where others are at work too.
MEASURE, ALONE = "scatter of eval mode", "scatter of eval mode by these draws"
PRICE = "{names} then gives one and the same value in every evaluation, also where a sample was meant"


_KEPT: WeakKeyDictionary[Trial, tuple[Gate, Scattered]] = WeakKeyDictionary()


@dataclass(frozen=True)
class Scattered:
    """Passes over the same samples: their noise in squared output units, and their mean, (N, D)."""

    noise: float
    mean: Tensor


def relieved(trial: Trial, kind: Kind, what: str, price: str = "") -> Outcome:
    """Eval mode with one kind of randomness gated: what of its scatter goes.

    Where others are at work too (other kinds, modules that eval() does not reach) they are off before and
    after, so that each answers for its own. Raises :class:`Unanswerable` where there is none, or where it
    does not reach the output.
    """
    kept = resting.awake(trial.model)
    asleep = resting.asleep(kept)
    with resting.guarded(kept):
        every, after = _steady(trial, asleep)
        if kind not in every.met:
            left = kind == "draw" and every.left
            told = f"; {joined(every.left)} has no mean that could be used instead" if left else ""
            raise Unanswerable(f"eval mode draws through no {what}{told}")
        others = frozenset(every.met) - {kind}
        before = under(trial, Gate(others, every.known), asleep)
        symptom = gone(trial, before, after, alone=bool(others) or resting.draw(kept))
        run = scored(trial, modes.evaluating, Gate({kind}, every.known))
        return Outcome(run, symptom, price.format(names=joined(every.met[kind])))


def relieved_of_all(trial: Trial, price: str = "") -> Outcome:
    """Eval mode with all kinds gated, and all modules asleep, where more than one of these is at work."""
    kept = resting.awake(trial.model)
    asleep = resting.asleep(kept)
    with resting.guarded(kept):
        every, after = _steady(trial, asleep)
        if len(every.met) + resting.draw(kept) < 2:
            raise Unanswerable("eval mode draws in no more than one way")
        symptom = gone(trial, under(trial, Gate((), every.known), modes.evaluating), after, alone=False)
        drawn = every.met.get("draw")
        told = price.format(names=joined(drawn)) if drawn else ""
        return Outcome(scored(trial, asleep, every), symptom, told)


def _steady(trial: Trial, asleep: Mode) -> tuple[Gate, Scattered]:
    """Everything gated and asleep, and what scatters then: the same for every remedy of one trial."""
    # A draw that all samples share may give the same twice; a generator of the model's own is not watched.
    if not trial.dependence.bench.draws and not trial.dependence.repetition(UNSTEADY).size > UNSTEADY:
        raise Unanswerable("eval mode draws nothing, and gives the same output twice")
    if trial not in _KEPT:
        every = Gate(KINDS, callers.known(trial.model))
        _KEPT[trial] = every, under(trial, every, asleep)
    return _KEPT[trial]


def gone(trial: Trial, before: Scattered, after: Scattered, alone: bool) -> Symptom:
    """The scatter before and after. Raises :class:`Unanswerable` where there was none."""
    unit, floor = distance.variance(after.mean) or 1.0, limit(trial, after.mean)
    if before.noise <= floor:
        raise Unanswerable("it changes nothing that reaches the output on these batches")
    return Symptom(ALONE if alone else MEASURE, before.noise / unit, after.noise / unit, floor / unit)


def scored(trial: Trial, mode: Mode, gate: Gate | None = None) -> Run | None:
    """The held samples in a mode, under a gate if one is given, where there are scores that could suffer."""
    # Asked outside of the gate: what it is answered from is kept.
    if not is_judged(trial):
        return None
    with gate or nullcontext():
        return passed(trial, trial.held, mode, 0)


def joined(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def under(trial: Trial, gate: Gate, mode: Mode) -> Scattered:
    """Four eval passes over at most 256 samples under a gate."""
    pool = trial.held.first(SAMPLES)
    with gate:
        return scattered([passed(trial, pool, mode, 50 + n).rows for n in range(PASSES)])


def scattered(rows: Sequence[Tensor]) -> Scattered:
    """How far passes, (N, D) each, are apart. Raises :class:`Unanswerable` for NaN and infinity."""
    spread = distance.spread(rows, rows[0])
    if not bool(spread.mean.isfinite().all()):
        raise Unanswerable("under the remedy the model gives NaN or infinity")
    return Scattered(max(0.0, float(spread.noise.mean())), spread.mean)


def is_judged(trial: Trial) -> bool:
    """Whether there are scores that could suffer."""
    try:
        return bool(trial.evaluated.scores) and trial.judge is not None
    except Unanswerable:
        return False


def passed(trial: Trial, pool: Pool, mode: Mode, seed: int, order: Tensor | None = None) -> Run:
    """One pass. A model that refuses it under a remedy is :class:`Unanswerable`."""
    with answerable():
        return trial.run(pool, mode, order=order, seed=seed)


@contextmanager
def answerable() -> Iterator[None]:
    """What the model refuses under a remedy is no complaint of the user's."""
    try:
        yield
    except OutOfMemory:
        raise
    except NoRows:
        raise Unanswerable(NoRows.REASON) from None
    except Complaint as complaint:
        raise Unanswerable(f"under the remedy {complaint}") from None


def limit(trial: Trial, mean: Tensor) -> float:
    """What kernels that add in another order each time leave, in squared output units."""
    digits = trial.dependence.bench.limit(UNSTEADY)
    return digits**2 * float(mean.double().square().sum(1).mean())
