"""One small batch and another, and the model set up anew for every question about what forwards leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.graph.unregistered import hidden
from evalcheck.graph.unregistered.hidden import HiddenModule
from evalcheck.guard import untouched
from evalcheck.probe.passes import Passes
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.state import generators
from evalcheck.probe.state.generators import Start

SAMPLES = 16
NUMBERS = 65_536

Outputs = dict[str, Tensor]


@dataclass(frozen=True)
class Forward:
    """One forward: every float tensor that it returned, flat float32, and all shapes by path.

    ``drew`` are the libraries whose global generator was used, ``switched`` the modules whose mode is
    another than before, by path.
    """

    outputs: Outputs
    shapes: dict[str, tuple[int, ...]]
    drew: tuple[str, ...]
    switched: dict[str, bool]


@dataclass
class Setup:
    """Sets the model up and runs it; all inside :meth:`start`, after which everything is as it was.

    ``writing`` is whether some forward was seen to write weights, which are then guarded too: most
    models do not, and a copy of all weights for every run would be dear.
    """

    passes: Passes
    writing: bool = False

    @property
    def model(self) -> nn.Module:
        return self.passes.model

    @cached_property
    def hidden(self) -> tuple[HiddenModule, ...]:
        """Modules that the model keeps and does not own, the outermost."""
        return hidden.find(self.model)

    @cached_property
    def modules(self) -> dict[str, nn.Module]:
        """Every module by its path, the hidden ones too."""
        found = dict(self.model.named_modules())
        for kept in self.hidden:
            for inner, module in kept.module.named_modules():
                found[f"{kept.path}.{inner}" if inner else kept.path] = module
        return found

    @cached_property
    def batches(self) -> tuple[Batch, Batch]:
        """At most 16 samples, and as many others where there are."""
        held = self.passes.held
        if held.whole is None:
            return self._loaded
        count = min(SAMPLES, max(2, held.batch_size), max(1, held.samples // 2))
        first, second = torch.arange(count), torch.arange(count, min(2 * count, held.samples))
        return held.whole.rows(first), held.whole.rows(second if len(second) else first)

    @property
    def _loaded(self) -> tuple[Batch, Batch]:
        loaded = [*self.passes.held.grouped()]
        return loaded[0], next((b for b in loaded[1:] if b.size == loaded[0].size), loaded[0])

    def enlarge(self) -> bool:
        """Take batches as they were loaded from now on: a state of a fixed size refuses another one.

        False where that is what is used already.
        """
        small, self.batches = self.batches[0].size, self._loaded
        return self.batches[0].size != small

    @contextmanager
    def start(self, mode: Mode) -> Iterator[Start]:
        """The model as it was given, in ``mode``, from one seed; without gradients."""
        with self.passes.answerable(mode), untouched(self.model, parameters=self.writing), torch.no_grad():
            mode(self.model)
            torch.manual_seed(self.passes.run.seed * 1_000)
            yield Start(self.model)

    @contextmanager
    def first(self, mode: Mode) -> Iterator[Start]:
        """For the first forward in a mode: weights are guarded, and whether it writes them is noted."""
        with untouched(self.model), self.start(mode) as start:
            before = self._weights()
            yield start
            self.writing = self.writing or not torch.equal(before, self._weights())

    def _weights(self) -> Tensor:
        """The sum and the norm of every parameter, (parameters, 2) float32: no copy is kept of them."""
        sums = [
            torch.stack([p.detach().sum(), torch.linalg.vector_norm(p.detach())]).float().cpu()
            for p in self.model.parameters()
            if p.is_floating_point() and not p.is_meta and p.layout is torch.strided
        ]
        return torch.stack(sums).nan_to_num(0.0) if sums else torch.zeros(0)

    def run(self, batch: Batch) -> Outputs:
        """One forward's float tensors, (1, numbers) float32 each, of at most 65,536 numbers."""
        return _floats(self.passes.run.forward(batch))

    def watch(self, batch: Batch) -> Forward:
        """One forward, and what it did besides giving an output."""
        before, flags = generators.positions(), self.flags()
        output = self.passes.run.forward(batch)
        drew = generators.moved(before, generators.positions())
        switched = {path: flag for path, flag in self.flags().items() if flag != flags[path]}
        shapes = {path: tuple(leaf.shape) for path, leaf in tree.leaves(output) if not leaf.is_nested}
        return Forward(_floats(output), shapes, drew, switched)

    def called(self, mode: Mode) -> tuple[str, ...]:
        """The modules that ran, in the order of their first ends.

        A run of its own: torch's fast path for transformers is off where there are hooks, and numbers
        with and without it must not be compared.
        """
        found: list[str] = []
        with self.start(mode), _listening(self.modules, found):
            self.run(self.batches[0])
        return tuple(dict.fromkeys(found))

    def switch(self, flags: Mapping[str, bool]) -> None:
        """Set the modes of single modules, past their own ``train()``."""
        for path, flag in flags.items():
            self.modules[path].training = flag

    def flags(self) -> dict[str, bool]:
        """Whether each module is in train mode."""
        return {path: bool(module.training) for path, module in self.modules.items()}


def gap(one: Outputs, two: Outputs) -> float:
    """The largest relative difference of one tensor; 1 where no tensor is left to compare.

    Root mean square of the difference over that of the first. Not summed over tensors: a loss beside a
    thousand large numbers counts too.
    """
    paths = [path for path in one if path in two and two[path].shape == one[path].shape]
    if not paths:
        return 1.0 if one or two else 0.0
    return max(_relative(one[path], two[path]) for path in paths)


def _relative(one: Tensor, two: Tensor) -> float:
    scale = float(one.double().square().mean().sqrt())
    size = float((one.double() - two.double()).square().mean().sqrt())
    return size / scale if scale > 0 else size


def _floats(output: Any) -> Outputs:
    # Copied: what is returned may be the state itself, which the next forward writes.
    return {
        path: _thinned(leaf.detach().reshape(1, -1)).to(torch.float32, copy=True)
        for path, leaf in tree.leaves(output)
        if leaf.is_floating_point() and leaf.layout is torch.strided and not leaf.is_nested and leaf.numel()
    }


def _thinned(flat: Tensor) -> Tensor:
    count = flat.shape[1]
    return flat if count <= NUMBERS else flat[:, :: count // NUMBERS + 1]


@contextmanager
def _listening(modules: Mapping[str, nn.Module], called: list[str]) -> Iterator[None]:
    hooks = [
        module.register_forward_hook(lambda _m, _args, _out, path=path: called.append(path))
        for path, module in modules.items()
        # Scripted modules take no hooks.
        if not isinstance(module, torch.jit.ScriptModule)
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
