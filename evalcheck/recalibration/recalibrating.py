"""Recomputes the running statistics of a model's batch norms in one pass over training data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.batch import Batch, Forward
from evalcheck.complaint import Complaint
from evalcheck.guard import randomness
from evalcheck.probe.pool import stream
from evalcheck.probe.running.runner import Runner
from evalcheck.probe.statistics.moments import Moments, apart, running
from evalcheck.recalibration import admission, reading, shared
from evalcheck.recalibration.collection import Collection
from evalcheck.recalibration.convergence import judged
from evalcheck.recalibration.feeding import Feed
from evalcheck.recalibration.one_pass import OnePass, Passed
from evalcheck.recalibration.outcome import Change, Recalibration
from evalcheck.recalibration.transaction import aside

SHOWN = 3
STAYS = "batch norm did not run and stays as it is"


def recalibrate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    place: torch.device,
    name: str = "the loader",
    forward: Forward | None = None,
    batches: int | None = None,
    samples: int = 10_000,
    seed: int = 0,
    through: Callable[[Iterable[Batch]], Iterable[Batch]] = iter,
    progress: Callable[[int], object] = lambda _: None,
) -> Recalibration:
    """See :func:`evalcheck.recalibrate`; ``place`` is where the model is and the batches go.

    The loader's batches are taken ``through`` a function that may set some aside; ``progress`` is told how
    many samples have been run.
    """
    _demand_number("batches", batches, 1)
    _demand_number("samples", samples, 2)
    # Torch's own wrappers hide what forward takes; a forward of the user's knows the model as it is.
    inner, prefix = admission.unwrapped(model) if forward is None else (model, "")
    with aside(model, loader, place):
        randomness.seed(seed)
        norms = admission.norms(inner, prefix)
        read = reading.drawn(loader, samples, seed) if batches is None else loader
        told = stream(read, inner, name, forward=forward, samples=samples if batches is None else 0)
        feed = Feed(through(told), samples, batches, seed)
        passed = OnePass(inner, Runner(inner, seed), norms, place, progress).run(feed, reading.length(loader))
        main = passed.main
        _demand_samples(feed, main, name)
        new = main.pooled()
        convergence = judged(norms, passed)
        reasons = tuple(_reasons(feed, passed, norms))
        shared.demand_alike(norms, main)
    # The guard has put the user's buffers back: these are read and written, not its clones.
    changes = _changes(norms, new, main)
    made = Recalibration(changes, main.samples, feed.loaded, max(main.sizes), convergence, reasons)
    made.write(norms, new)
    return made


def _changes(
    norms: Mapping[str, _BatchNorm], new: Mapping[str, Moments], main: Collection
) -> tuple[Change, ...]:
    calls = main.by_call()
    return tuple(
        Change(
            path,
            type(norms[path]).__name__,
            moments.n,
            apart(running(norms[path]), moments, norms[path].eps),
            len(calls[path]),
        )
        for path, moments in new.items()
    )


def _reasons(feed: Feed, passed: Passed, norms: Mapping[str, _BatchNorm]) -> Iterator[str]:
    """What was done otherwise than usual."""
    main = passed.main
    if passed.untold:
        few = f"{feed.loaded} batches were" if feed.loaded > 1 else "1 batch was"
        yield (
            f"whether the loader is sorted could not be told, for {few} read and perhaps not all: where it "
            "is, shuffle it, or let more samples be used"
        )
    if not feed.joined:
        yield (
            "the loader's batches could not be joined (their shapes differ) and were run as loaded: where "
            "they are small or sorted, the statistics behind the first norm are less exact"
        )
    elif feed.chunks > 1:
        yield f"the samples did not fit into memory at once: they were shuffled within {feed.chunks} parts"
    if feed.single:
        yield f"{feed.single} batch{'es' if feed.single > 1 else ''} of a single sample left out"
    if main.limit is not None:
        yield f"memory did not hold larger batches than {main.limit} samples"
    missed = [path for path in norms if all(path not in table for table in main.tables)]
    if missed:
        stay = "batch norms did not run and stay as they are" if len(missed) > 1 else STAYS
        yield f"{len(missed)} {stay}: {', '.join(missed[:SHOWN])}{' ...' * (len(missed) > SHOWN)}"


def _demand_number(name: str, number: int | None, least: int) -> None:
    if number is not None and (type(number) is not int or number < least):
        raise Complaint(f"{name} must be a whole number of {least} or more, not {number!r}")


def _demand_samples(feed: Feed, main: Collection, name: str) -> None:
    if not feed.drawn:
        raise Complaint(f"{name} is empty: it yielded no batch")
    if feed.drawn < 2:
        raise Complaint(
            f"{name} gave a single sample: statistics take 2 or more, and are good from about 1,000 on"
        )
    if not any(main.tables):
        raise Complaint("no batch norm ran in the forward: there is nothing to recalibrate")
