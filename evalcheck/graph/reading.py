"""Makes a :class:`ModelGraph`: looks at the modules, and runs one forward in each mode under a guard."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import numpy
import torch
from torch import nn

from evalcheck.batch import Forward, bind
from evalcheck.complaint import differentiates
from evalcheck.graph import writes
from evalcheck.graph.difference import structure
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.recording import symbolic, tracer
from evalcheck.graph.traces import Mode, Trace
from evalcheck.graph.unregistered import hidden
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.graph.writes import Write
from evalcheck.guard import initialised, untouched
from evalcheck.guard.modes import switch
from evalcheck.guard.untouched import is_lazy

LAZY = "some layers are lazy, and there is no batch to give them their shapes"
NO_RUN = "no batch to run the model on"
ANOTHER_SEED = 1

Run = Callable[[nn.Module], Any]


def trace(
    model: nn.Module, batch: Any, *, forward: Forward | None = None, executable: bool = False
) -> ModelGraph:
    """Record one forward of ``model`` on ``batch`` in train mode and one in eval mode.

    ``batch`` is what a loader would give: a tensor, ``(inputs, targets)``, a mapping or dataclass
    bound to keywords; ``forward(model, batch)`` overrides how it is run. The result's ``train`` and
    ``eval`` are traces whose ``graph`` is a ``torch.fx.Graph`` of torch functions, each node with the
    module's path and call number, the line in the user's code, shapes, dtypes and mode;
    ``trace.collapsed()`` is the graph of ``call_module`` nodes, ``trace.executable(model)`` a module
    to run, if ``executable`` kept its constants. What could not be traced is in ``holes``, with its
    reason and the module where it stopped. The model, its gradients and all random generators are
    afterwards as they were.

    Raises :class:`evalcheck.complaint.Complaint` where nothing in the batch is a tensor. What the
    model itself raises is a hole, not an exception.
    """
    return read(model, bind(batch, model, forward).run, executable=executable)


def read(
    model: nn.Module, run: Run | None, *, synthetic: bool = False, executable: bool = False
) -> ModelGraph:
    """Look at a model and run it once in train mode and once in eval mode, each under a guard.

    ``run`` calls the model on one batch. Without it ``torch.fx.symbolic_trace`` is tried: the
    order of calls then is known, shapes are not. What the model raises is kept in ``refusals``;
    a ``KeyboardInterrupt`` goes through, and the model is as it was either way.
    """
    if run is not None and is_lazy(model):
        with initialised(model, run) as refusal:
            if refusal is None:
                return _read(model, run, synthetic, executable)
        return _read(model, None, synthetic, executable, f"its lazy layers got no shapes: {refusal}")
    return _read(model, run, synthetic, executable, LAZY if is_lazy(model) else None)


def _read(
    model: nn.Module, run: Run | None, synthetic: bool, executable: bool, unable: str | None = None
) -> ModelGraph:
    found = hidden.find(model)
    modules = {path: ModuleView(path, module) for path, module in model.named_modules()}
    reading = _Reading(model, run, found, executable)
    modes: tuple[Mode, ...] = ("train", "eval")
    traces = {mode: reading.forward(mode) for mode in modes} if unable is None else {}
    refusals = reading.refusals if unable is None else dict.fromkeys(modes, unable)
    train, evaluated = traces.get("train"), traces.get("eval")
    whole = [trace for trace in (train, evaluated) if trace is not None and trace.complete and trace.shaped]
    # Blocks that are skipped at random look like a difference between the modes.
    again = None
    if len(whole) == 2 and not structure.same_calls(*whole):
        again = reading.forward("train", seed=ANOTHER_SEED)
    names = {id(module): path for path, module in model.named_modules()}
    written = tuple(writes.by_line(reading.written["train"], reading.written["eval"], names))
    return ModelGraph(model, modules, train, evaluated, found, refusals, synthetic, again, written)


@dataclass
class _Reading:
    model: nn.Module
    run: Run | None
    hidden: tuple[HiddenModule, ...]
    executable: bool
    refusals: dict[Mode, str] = field(default_factory=dict)
    written: dict[Mode, list[Write]] = field(default_factory=lambda: {"train": [], "eval": []})

    def forward(self, mode: Mode, seed: int | None = None) -> Trace | None:
        """One forward in that mode; what stops it is noted among the refusals."""
        if self.run is None:
            trace, refusal = symbolic.record(self.model, mode)
            refusal = refusal and f"{NO_RUN}, and it cannot be traced symbolically: {refusal}"
        else:
            trace, refusal = self._watched(mode, seed)
        if refusal and seed is None:
            self.refusals[mode] = refusal
        return trace if seed is None or not refusal else None

    def _watched(self, mode: Mode, seed: int | None) -> tuple[Trace | None, str | None]:
        with writes.watched() as written:
            trace, refusal = self._recorded(mode, seed)
            if trace is not None and trace.drew_outside and mode == "eval":
                # Once more, to see where: asking at every call is slow, and this is rare.
                trace, refusal = self._recorded(mode, seed, foreign=True)
            if refusal and mode == "eval" and differentiates(refusal):
                trace, refusal = self._recorded(mode, seed, gradients=True)
        if seed is None:
            self.written[mode] = written
        return trace, refusal

    def _recorded(
        self, mode: Mode, seed: int | None, foreign: bool = False, gradients: bool = False
    ) -> tuple[Trace | None, str | None]:
        with untouched(self.model):
            try:
                # The model's own train() is asked, not its flags set: it may keep frozen parts in eval mode.
                switch(self.model, mode == "train")
            except Exception as error:
                return None, f"model.{mode}() failed: {tracer.said(error)}"
            names, state = _names(self.model, self.hidden)
            if seed is not None:
                # Blocks are skipped by Python's and numpy's numbers too.
                torch.manual_seed(seed)
                random.seed(seed)
                numpy.random.seed(seed)
            with torch.set_grad_enabled(gradients or mode == "train"):
                return tracer.record(
                    self.model,
                    cast("Run", self.run),
                    mode,
                    names,
                    state,
                    keep=self.executable,
                    foreign=foreign,
                )


def _names(model: nn.Module, found: tuple[HiddenModule, ...]) -> tuple[dict[int, str], dict[int, str]]:
    """Paths by the ids of modules, and of parameters and buffers: those of hidden modules too.

    Called under the guard, which has swapped the buffers.
    """
    names = {id(module): path for path, module in model.named_modules()}
    state = {id(t): name for name, t in [*model.named_parameters(), *model.named_buffers()]}
    for kept in found:
        for inner, module in kept.module.named_modules():
            names.setdefault(id(module), f"{kept.path}.{inner}" if inner else kept.path)
        for name, tensor in [*kept.module.named_parameters(), *kept.module.named_buffers()]:
            state.setdefault(id(tensor), f"{kept.path}.{name}")
    return names, state
