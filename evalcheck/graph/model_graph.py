"""A model as the graph layer sees it: its modules with their state, and one forward in each mode."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import fx, nn

from evalcheck.finding import Place, Span
from evalcheck.graph import flow, freshness, hidden, places
from evalcheck.graph.hidden import HiddenModule
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.recording import symbolic, tracer
from evalcheck.graph.traces import Mode, Trace
from evalcheck.guard import untouched
from evalcheck.guard.untouched import is_lazy

LAZY = "some layers are lazy: a first forward would initialise them for good; run the model once before"
NO_RUN = "no batch to run the model on"


@dataclass(frozen=True)
class ModelGraph:
    """The modules in the order of ``named_modules()``, and a trace for each mode that could be run.

    ``refusals`` say for a mode why its trace is missing or partial. ``synthetic`` is True where the
    input was made up, so that shapes are only as good as that input.
    """

    model: nn.Module
    modules: dict[str, ModuleView]
    train: Trace | None
    eval: Trace | None
    hidden: tuple[HiddenModule, ...] = ()
    refusals: dict[Mode, str] = field(default_factory=dict)
    synthetic: bool = False

    @cached_property
    def fresh(self) -> bool | None:
        """Whether nothing was trained or loaded; None where it cannot be told (see ``freshness``)."""
        return freshness.is_fresh(self.modules.values())

    @cached_property
    def flow(self) -> tuple[flow.DropoutPath, ...]:
        """For each batch norm the nearest dropout whose noise reaches it in train mode."""
        return flow.dropout_paths(self.train, self.modules) if self.train is not None else ()

    def trace(self, mode: Mode) -> Trace | None:
        return self.train if mode == "train" else self.eval

    def built(self, path: str) -> Span | None:
        """The line that built the module, None where it cannot be told."""
        return places.built(self.modules, path)

    def place(self, path: str) -> Place:
        """The module and the line that built it."""
        return Place(self.built(path), path)

    def place_of(self, node: fx.Node) -> Place:
        """A dropout or norm as the line that built it; any other operation as the line that called it."""
        path = str(node.target) if node.op == "call_module" else str(node.meta["module"])
        view = self.modules.get(path)
        if view is not None and view.kind != "other":
            return self.place(path)
        return Place(node.meta["span"], path)

    def reached(self, path: str, mode: Mode) -> bool | None:
        """Whether a forward in this mode calls the module; None where the trace cannot tell."""
        trace = self.trace(mode)
        if trace is None:
            return None
        if trace.calls(path):
            return True
        return False if trace.complete else None


def read(model: nn.Module, run: Callable[[nn.Module], Any] | None, *, synthetic: bool = False) -> ModelGraph:
    """Look at a model and run it once in train mode and once in eval mode, each under a guard.

    ``run`` calls the model on one batch. Without it ``torch.fx.symbolic_trace`` is tried: the
    order of calls then is known, shapes are not. What the model raises is kept in ``refusals``;
    a ``KeyboardInterrupt`` goes through, and the model is as it was either way.
    """
    found = hidden.find(model)
    modules = {path: ModuleView(path, module) for path, module in model.named_modules()}
    traces: dict[Mode, Trace] = {}
    refusals: dict[Mode, str] = {}
    modes: tuple[Mode, ...] = ("train", "eval")
    for mode in modes:
        trace: Trace | None = None
        refusal: str | None = LAZY
        if run is not None and not is_lazy(model):
            trace, refusal = _forward(model, run, mode, found)
        elif not is_lazy(model):
            trace, refusal = symbolic.record(model, mode)
            refusal = refusal and f"{NO_RUN}, and it cannot be traced symbolically: {refusal}"
        if trace is not None:
            traces[mode] = trace
        if refusal:
            refusals[mode] = refusal
    return ModelGraph(model, modules, traces.get("train"), traces.get("eval"), found, refusals, synthetic)


def _forward(
    model: nn.Module, run: Callable[[nn.Module], Any], mode: Mode, found: tuple[HiddenModule, ...]
) -> tuple[Trace | None, str | None]:
    names = {id(module): path for path, module in model.named_modules()}
    for kept in found:
        for inner, module in kept.module.named_modules():
            names.setdefault(id(module), f"{kept.path}.{inner}" if inner else kept.path)
    with untouched(model):
        try:
            # The model's own train() is asked, not its flags set: it may keep frozen parts in eval mode.
            model.train() if mode == "train" else model.eval()
        except Exception as error:
            return None, f"model.{mode}() failed: {type(error).__name__}: {error}"
        # The guard has swapped the buffers: names are taken inside it.
        state = {id(t): name for name, t in [*model.named_parameters(), *model.named_buffers()]}
        for kept in found:
            for name, tensor in [*kept.module.named_parameters(), *kept.module.named_buffers()]:
                state.setdefault(id(tensor), f"{kept.path}.{name}")
        with torch.set_grad_enabled(mode == "train"):
            return tracer.record(model, run, mode, names, state)
