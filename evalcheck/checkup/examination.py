"""Opens every eye that the input allows on one model, tries the remedies, writes the report."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck import checks, engine, graph, reporters
from evalcheck.batch import Batch, Forward
from evalcheck.checkup import material, own_code, reading, results
from evalcheck.checkup.device import choose
from evalcheck.checkup.material import Material
from evalcheck.complaint import Complaint
from evalcheck.engine import Answers
from evalcheck.finding import Finding, Report
from evalcheck.guard import untouched
from evalcheck.guard.untouched import is_lazy
from evalcheck.loader import LoaderView
from evalcheck.measurement import Measurements
from evalcheck.probe import OutOfMemory, Trial
from evalcheck.probe.runner import Runner
from evalcheck.probe.scoring import Metric
from evalcheck.settings import Settings

Progress = Callable[[str, int, int], None]
STAGES = 8
PASSES = 4


def check(
    model: nn.Module,
    loader: Iterable[Any] | None = None,
    train_loader: Iterable[Any] | None = None,
    *,
    metric: Metric | None = None,
    forward: Forward | None = None,
    settings: Settings | None = None,
    device: str | None = "auto",
    seed: int = 0,
    batches: int | None = None,
    passes: int | None = None,
    inputs: Sequence[Tensor] = (),
    target: str = "model",
    files: Sequence[Path] = (),
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Examine one model; see :func:`evalcheck.check`. Raises :class:`Complaint` for bad input."""
    _demand_module(model)
    examination = _Examination(
        model, settings or Settings(), loader, metric, passes or PASSES, seed, _Steps(progress), list(notes)
    )
    home, place = choose(None, model), choose(device, model)
    model.to(place)
    try:
        examination.read(files)
        draw = partial(material.gather, model, forward=forward, place=place, batches=batches, seed=seed)
        examination.look(draw(loader, train_loader, inputs))
    finally:
        model.to(home)
    return examination.report(target, str(place))


def trial(
    model: nn.Module, loader: Iterable[Any], train_loader: Iterable[Any] | None = None, seed: int = 0
) -> Trial:
    """The probe's subject for a model and its loaders, as :func:`check` makes it."""
    drawn = material.gather(model, loader, train_loader, place=choose(None, model), seed=seed)
    assert drawn.held is not None
    view = graph.read(model, material.quiet(next(iter(drawn.held.grouped()))))
    return Trial(model, drawn.held, drawn.feed, fresh=bool(view.fresh), seed=seed)


@dataclass
class _Examination:
    """One model under examination: what was asked so far, and what was measured."""

    model: nn.Module
    settings: Settings
    loader: Iterable[Any] | None
    metric: Metric | None
    passes: int
    seed: int
    step: Callable[[str], None]
    notes: list[str]
    answers: Answers = field(default_factory=Answers)
    unread: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    measured: Measurements | None = None
    started: float = field(default_factory=time.monotonic)

    def read(self, files: Sequence[Path]) -> None:
        """The source layer: the given files whole, else the user's own classes of the model."""
        settings = replace(self.settings, exclude=())
        if files:
            self.unread = reading.read(self.answers, files, settings)
        elif own := own_code.behind(self.model):
            self.unread = reading.read(self.answers, own, settings, own_code.defining(self.model))
        else:
            engine.skip(
                self.answers, settings, "source", "the model's classes all come from installed packages"
            )

    def look(self, drawn: Material) -> None:
        """The other layers, under one guard, then the remedies."""
        self.notes += drawn.notes
        with untouched(self.model):
            first = next(iter(drawn.held.grouped())) if drawn.held else None
            self._demand_accepted(first)
            self.step("tracing")
            run = material.quiet(first) if first else None
            view = graph.read(self.model, run, synthetic=drawn.synthetic)
            engine.ask(self.answers, self.settings, "graph", view, checks.find)
            self._look_at_loader()
            trial = self._probe(drawn, fresh=bool(view.fresh))
            self.findings = engine.conclude(self.answers, self.settings)
            self.step("trying remedies")
            self.findings, self.measured = results.measured(trial, self.findings, self.settings)

    def report(self, target: str, device: str) -> Report:
        """All of it; nothing is measured any more."""
        measured = self.measured
        if measured is not None and measured.conditions is not None:
            seconds = time.monotonic() - self.started
            measured = replace(
                measured, conditions=replace(measured.conditions, seconds=seconds, device=device)
            )
        return Report(
            target=target,
            findings=self.findings,
            gaps=tuple(self.answers.gaps),
            measurements=measured,
            notes=tuple(self.notes),
            faults=tuple(self.answers.faults),
            unread=self.unread,
            render=partial(reporters.render, format="terminal", color=False, width=100),
        )

    def _demand_accepted(self, first: Batch | None) -> None:
        """Hear the model's refusal of a batch as it was loaded, before anything else is said of it."""
        if first is None:
            return
        guard = untouched(self.model, parameters=False)
        with guard, torch.no_grad(), contextlib.suppress(OutOfMemory):
            self.model.eval()
            Runner(self.model, self.seed).forward(first)

    def _look_at_loader(self) -> None:
        if self.loader is None:
            engine.skip(self.answers, self.settings, "loader", "no loader was given")
            return
        self.step("reading the loader")
        engine.ask(self.answers, self.settings, "loader", LoaderView(self.loader, "eval"), checks.find)

    def _probe(self, drawn: Material, fresh: bool) -> Trial | None:
        """Ask the probe's rules; where memory ends, again in batches of half the size."""
        held, feed = drawn.held, drawn.feed
        if held is None:
            engine.skip(self.answers, self.settings, "probe", "there is no input to run the model on")
            return None
        while True:
            subject = Trial(
                self.model,
                held,
                feed,
                synthetic=drawn.synthetic,
                fresh=fresh,
                seed=self.seed,
                passes=self.passes,
                metric=self.metric,
                stage=self.step,
            )
            answers = Answers()
            try:
                engine.ask(answers, self.settings, "probe", subject, checks.find)
            except OutOfMemory:
                held, feed = held.halved(), feed.halved() if feed else None
                continue
            if drawn.held is not held:
                self.notes.append(
                    f"memory did not hold the batches: they were cut to {held.batch_size} samples"
                )
            self.answers.add(answers)
            return subject


class _Steps:
    """Tells the progress bar how far the examination is."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, 0

    def __call__(self, stage: str) -> None:
        self.done = min(self.done + 1, STAGES)
        if self.progress is not None:
            self.progress(stage, self.done, STAGES)


def _demand_module(model: object) -> None:
    if not isinstance(model, nn.Module):
        raise Complaint(f"a {type(model).__name__} was given where a torch.nn.Module is needed")
    if is_lazy(model):
        raise Complaint(
            "the model has lazy modules: run one batch through it first, which gives them their shapes"
        )
