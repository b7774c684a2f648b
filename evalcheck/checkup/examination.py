"""Opens every eye that the input allows on one model, tries the remedies, writes the report."""

from __future__ import annotations

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
from evalcheck.checkup import (
    cross_reference,
    loaders,
    material,
    own_code,
    own_lines,
    reading,
    results,
    treating,
)
from evalcheck.checkup.acceptance import accepted
from evalcheck.checkup.confirmation import confirmed
from evalcheck.checkup.device import choose, placed
from evalcheck.checkup.material import Material
from evalcheck.engine import Answers
from evalcheck.finding import Finding, Report
from evalcheck.guard import untouched
from evalcheck.guard.demands import demand_module
from evalcheck.guard.modes import switch
from evalcheck.guard.untouched import is_lazy
from evalcheck.measurement import Measurements
from evalcheck.probe import NotFinite, OutOfMemory, Pool, Trial
from evalcheck.probe.judging.scoring import Metric
from evalcheck.probe.running.budget import Budget
from evalcheck.rulebook import Rule
from evalcheck.settings import Settings
from evalcheck.suppression import drop

Progress = Callable[[str, int, int], None]
STAGES = 9
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
    budget: float | None = None,
    exact: bool = False,
    inputs: Sequence[Tensor] = (),
    target: str = "model",
    files: Sequence[Path] = (),
    notes: Sequence[str] = (),
    progress: Progress | None = None,
) -> Report:
    """Examine one model; see :func:`evalcheck.check`. Raises :class:`Complaint` for bad input."""
    demand_module(model)
    examination = _Examination(
        model,
        settings or Settings(),
        loader,
        train_loader,
        metric,
        passes or PASSES,
        seed,
        _Steps(progress),
        list(notes),
        budget=Budget(budget),
        exact=exact,
    )
    place = choose(device, model)
    with placed(model, place):
        examination.read(files)
        drawn = material.gather(
            model,
            loader,
            train_loader,
            inputs,
            forward=forward,
            place=place,
            batches=batches,
            seed=seed,
            budget=examination.budget,
        )
        examination.look(drawn)
    return examination.report(target, str(place))


def trial(
    model: nn.Module,
    loader: Iterable[Any],
    train_loader: Iterable[Any] | None = None,
    seed: int = 0,
    metric: Metric | None = None,
) -> Trial:
    """The probe's subject for a model and its loaders, as :func:`check` makes it."""
    drawn = material.gather(model, loader, train_loader, place=choose(None, model), seed=seed)
    assert drawn.held is not None
    view = graph.read(model, material.quiet(next(iter(drawn.held.grouped()))))
    return Trial(model, drawn.held, drawn.feed, fresh=bool(view.fresh), seed=seed, metric=metric)


@dataclass
class _Examination:
    """One model under examination: what was asked so far, and what was measured."""

    model: nn.Module
    settings: Settings
    loader: Iterable[Any] | None
    train_loader: Iterable[Any] | None
    metric: Metric | None
    passes: int
    seed: int
    step: Callable[[str], None]
    notes: list[str]
    budget: Budget = field(default_factory=Budget)
    exact: bool = False
    answers: Answers = field(default_factory=Answers)
    unread: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    measured: Measurements | None = None
    trial: Trial | None = None
    started: float = field(default_factory=time.monotonic)

    def read(self, files: Sequence[Path]) -> None:
        """The source layer: the target's file, and the user's own classes of the model."""
        settings = replace(self.settings, exclude=())
        if files:
            within = own_code.concerning(self.model, files[0])
            self.unread = reading.read(self.answers, files, settings, within)
        elif own := own_code.behind(self.model):
            self.unread = reading.read(self.answers, own, settings, own_code.defining(self.model))
        else:
            engine.skip(
                self.answers, settings, "source", "the model's classes all come from installed packages"
            )

    def look(self, drawn: Material) -> None:
        """The other layers, under one guard, then the remedies."""
        with untouched(self.model):
            drawn, broken = accepted(self.model, drawn, self.seed)
            self.notes += drawn.notes
            first = next(iter(drawn.held.grouped())) if drawn.held else None
            if first is not None and not broken and is_lazy(self.model):
                self._initialise(first)
            self.step("tracing")
            run = material.quiet(first) if first else None
            view = graph.read(self.model, run, synthetic=drawn.synthetic)
            engine.ask(self.answers, self.settings, "graph", view, checks.find)
            size = first.size if first else None
            both = self.loader, self.train_loader
            if self.loader is not None and self.budget.spent():
                engine.skip(self.answers, self.settings, "loader", self.budget.reason)
            else:
                loaders.look(self.answers, self.settings, both, view, size, self.step)
            if drawn.held is None or broken:
                reason = f"in eval mode {broken}" if broken else "there is no input to run the model on"
                engine.skip(self.answers, self.settings, "probe", reason)
                self.findings = self._concluded(self.answers, view)
                return
            try:
                self._probe(drawn, drawn.held, view)
            except NotFinite as complaint:
                # What the other layers saw may be the reason, and is then the answer.
                self.findings = self._concluded(self.answers, view)
                if all(finding.severity != "error" for finding in self.findings):
                    raise
                engine.skip(self.answers, self.settings, "probe", str(complaint))
                if self.trial is not None:
                    self.findings, tried = treating.treated(self.trial, self.findings, self.settings)
                    self.measured = Measurements(attempts=tried)

    def _concluded(self, answers: Answers, view: graph.ModelGraph) -> tuple[Finding, ...]:
        """One finding for each fault, at the user's own lines."""
        return engine.ordered(own_lines.shown(engine.conclude(answers, self.settings), view))

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
            findings=tuple(drop(self.findings, reading.written)),
            gaps=tuple(self.answers.gaps),
            measurements=measured,
            notes=tuple(self.notes),
            faults=tuple(self.answers.faults),
            unread=self.unread,
            render=partial(reporters.render, format="terminal", color=False, width=100),
        )

    def _initialise(self, batch: Batch) -> None:
        """Give lazy layers their shapes: the guard around makes them lazy again."""
        with torch.no_grad():
            switch(self.model, False)
            material.quiet(batch)(self.model)
        self.notes.append("lazy layers were initialised for this examination, and are lazy again after it")

    def _probe(self, drawn: Material, held: Pool, view: graph.ModelGraph) -> None:
        """Ask the probe's rules and try the remedies; where memory ends, again in half the batches."""
        trial = Trial(
            self.model,
            held,
            drawn.feed,
            synthetic=drawn.synthetic,
            fresh=bool(view.fresh),
            seed=self.seed,
            passes=self.passes,
            metric=self.metric,
            budget=self.budget,
            exact=self.exact,
            stage=self.step,
        )
        self.trial = trial
        answers = Answers()
        try:
            engine.ask(answers, self.settings, "probe", trial, checks.find, _by_worth(self.settings.rules()))
            answers.add(confirmed(trial, self.answers, self.settings, answers))
            results.locate(answers, view)
            results.drawn(answers, view)
            answers.add(self.answers)
            self.step("trying remedies")
            findings = self._concluded(answers, view)
            findings = cross_reference.referred(trial, findings, self.settings)
            self.findings, self.measured = results.measured(trial, findings, self.settings)
        except OutOfMemory:
            smaller = drawn.halved()
            assert smaller.held is not None
            self.notes += [note for note in smaller.notes if note not in self.notes]
            self._probe(smaller, smaller.held, view)
        else:
            self.answers = answers
            self.notes += results.remarks(trial)


def _by_worth(rules: Sequence[Rule]) -> list[Rule]:
    """Whether the modes agree, then why not, then the rest: a budget may end before all are asked."""
    return sorted(rules, key=lambda rule: (rule.name != treating.SYMPTOM, rule.cause is None))


class _Steps:
    """Tells the progress bar how far the examination is."""

    def __init__(self, progress: Progress | None) -> None:
        self.progress, self.done = progress, 0

    def __call__(self, stage: str) -> None:
        self.done = min(self.done + 1, STAGES)
        if self.progress is not None:
            self.progress(stage, self.done, STAGES)
