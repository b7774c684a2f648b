"""What the model is examined on: batches of its loaders, or an input that was made up."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, Forward, join
from evalcheck.checkup import evenly
from evalcheck.inputs import WAY_OUT, choose
from evalcheck.probe import Pool, draw
from evalcheck.probe.running.budget import Budget


@dataclass(frozen=True)
class Material:
    """``held`` samples judge, ``feed`` samples give statistics; ``synthetic`` inputs were made up.

    They are ``guessed`` where the user did not give their shape either.
    """

    held: Pool | None
    feed: Pool | None = None
    synthetic: bool = False
    notes: tuple[str, ...] = ()
    guessed: bool = False

    def refused(self, reason: str) -> Material:
        """Without the input, which was guessed and which the model does not take: not the user's mistake."""
        told = f"the input that was made up does not fit the model ({reason.rstrip('.')})"
        return Material(None, synthetic=True, notes=(f"{told}: {WAY_OUT}",))

    def halved(self) -> Material:
        """In batches of half the size, which memory may hold. Raises ``OutOfMemory`` at one sample."""
        assert self.held is not None
        held = self.held.halved()
        told = tuple(note for note in self.notes if not note.startswith(MEMORY))
        note = f"{MEMORY}: they were cut to {held.batch_size} samples"
        return replace(self, held=held, feed=self.feed.halved() if self.feed else None, notes=(*told, note))


# Batches in which single samples are put together where no training loader says how many there are.
USUAL = 32
MEMORY = "memory did not hold the batches"


def gather(
    model: nn.Module,
    loader: Iterable[Any] | None,
    train_loader: Iterable[Any] | None,
    inputs: Sequence[Tensor] = (),
    *,
    forward: Forward | None = None,
    place: torch.device,
    batches: int | None = None,
    seed: int = 0,
    budget: Budget | None = None,
) -> Material:
    """Draw from the loaders; without one, take an input from what the model declares."""
    if loader is None:
        return _made_up(model, inputs, seed, place)
    take = partial(draw, forward=forward, device=place, batches=batches, seed=seed, budget=budget)
    held = take(loader, model, "the evaluation loader")
    told = evenly.taken(loader, held)
    half = "half of the evaluation samples gives population statistics, the other half is judged"
    if train_loader is None:
        notes = (*told, f"no training loader: {half}") if held.samples > 1 else ()
        return _in_usual_batches(Material(held, notes=notes), held)
    feed = take(train_loader, model, "the training loader")
    if feed.overlaps(held):
        held = replace(held, batch_size=feed.batch_size)
        return Material(held, notes=(*told, f"both loaders give some of the same samples: {half}"))
    return Material(held, feed, notes=told)


def _in_usual_batches(drawn: Material, held: Pool) -> Material:
    """Single samples, which no training has but many an evaluation loader, put together."""
    if held.batch_size > 1 or held.whole is None or held.samples < 4:
        return drawn
    size = min(USUAL, held.samples // 2)
    told = (
        f"the evaluation loader gives single samples; they were run {size} at a time, as training might: "
        "pass --train-loader for the size that it has"
    )
    return replace(drawn, held=replace(held, batch_size=size), notes=(*drawn.notes, told))


def _made_up(model: nn.Module, inputs: Sequence[Tensor], seed: int, place: torch.device) -> Material:
    choice = choose(model, inputs, seed)
    if choice.batch is None:
        return Material(None, synthetic=True, notes=(choice.told,))
    batch = choice.batch
    batch = batch.to(place)
    pool = Pool("made-up input", (batch,), join([batch]), batch.size)
    note = f"{choice.note}; pass --loader to ask what needs data"
    return Material(pool, synthetic=True, notes=(note,), guessed=not inputs)


def quiet(batch: Batch) -> Callable[[nn.Module], Any]:
    """Runs the batch; torch's warnings about the user's code are findings here, not noise on stderr."""

    def run(model: nn.Module) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return batch.run(model)

    return run
