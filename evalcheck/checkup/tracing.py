"""The traced model as a picture: the part of an examination that only looks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from evalcheck import graph
from evalcheck.batch import Forward
from evalcheck.checkup import material
from evalcheck.checkup.device import choose, placed
from evalcheck.checkup.material import Material
from evalcheck.graph import ModelGraph, folding
from evalcheck.guard.randomness import restored_randomness
from evalcheck.picture import Picture, View


def draw(
    model: nn.Module,
    loader: Iterable[Any] | None = None,
    *,
    view: View = "diff",
    forward: Forward | None = None,
    device: str | None = "auto",
    seed: int = 0,
    inputs: Sequence[Tensor] = (),
    title: str = "model",
    notes: Sequence[str] = (),
) -> Picture:
    """One forward in each mode on the first batch, folded to modules; the model is left as it was.

    Without a loader an input is made up as :func:`evalcheck.check` does; without any input the model
    is traced symbolically. Raises :class:`Complaint` for bad input; a model that fails is drawn as
    far as it came, with a gap that says where it stopped.
    """
    place = choose(device, model)
    with placed(model, place), restored_randomness():
        drawn = material.gather(
            model, loader, None, inputs, forward=forward, place=place, batches=1, seed=seed
        )
        batch = next(iter(drawn.held.grouped())) if drawn.held else None
        traced = graph.read(model, material.quiet(batch) if batch else None, synthetic=drawn.synthetic)
        told = _told(drawn) if drawn.synthetic else ()
        if batch is not None and drawn.guessed and _refused(traced):
            told = drawn.refused(_first(traced)).notes
            traced = _without(model, traced)
        return folding.picture(traced, view, title, (*notes, *told))


def _told(drawn: Material) -> tuple[str, ...]:
    """Where the input comes from. What a loader would answer besides is no matter for a drawing."""
    return tuple(note.partition("; pass --loader to ask")[0] for note in drawn.notes)


def _refused(traced: ModelGraph) -> bool:
    return all(mode in traced.refusals for mode in ("train", "eval"))


def _first(traced: ModelGraph) -> str:
    return next(iter(traced.refusals.values()))


def _without(model: nn.Module, traced: ModelGraph) -> ModelGraph:
    """Symbolically, where the guessed input did not do; what was seen until then, where that fails too."""
    symbolic = graph.read(model, None, synthetic=True)
    return symbolic if symbolic.train or symbolic.eval else traced
