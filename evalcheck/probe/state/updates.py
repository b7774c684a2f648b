"""How often norms move their running statistics in one training step: in the forward, and after it."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from evalcheck.batch import tree
from evalcheck.batch.layouts import dense
from evalcheck.finding import Unanswerable
from evalcheck.guard.bits import same_bits
from evalcheck.guard.reach import Reach, walk
from evalcheck.guard.tensors import LAZY
from evalcheck.probe.pool import OutOfMemory
from evalcheck.probe.running.copied import is_copy
from evalcheck.probe.running.modes import training
from evalcheck.probe.state.setup import Setup

SAMPLES = 8
# What a norm is set to where somebody saw to it: two steps of the lower momentum are one of the usual.
MOMENTA = (0.1, 0.01, 0.03, 0.05, 0.2, 0.001, 0.003)


@dataclass(frozen=True)
class Update:
    """One norm in one training step. ``again`` is why its statistics moved twice with the same batch.

    ``backward``: the backward pass ran it again; ``forward``: the forward gave it the same input twice.
    """

    path: str
    momentum: float | None
    again: str

    @property
    def corrected(self) -> bool:
        """Whether its momentum is lowered so that two moves count as one."""
        return any(abs((self.momentum or 0) - (1 - (1 - m) ** 0.5)) < 1e-6 * m for m in MOMENTA)

    @property
    def effective(self) -> float | None:
        """The momentum that would do in one move what two do."""
        return None if self.momentum is None else 1 - (1 - self.momentum) ** 2


def repeated(setup: Setup) -> list[Update]:
    """Norms whose statistics one forward and backward in train mode move twice with the same input.

    At most eight samples; the gradients go to stand-ins for the parameters, so that neither the user's
    gradients nor hooks on parameters see them. Raises :class:`Unanswerable` where there is no backward.
    """
    norms = {
        path: module
        for path, module in setup.modules.items()
        if isinstance(module, _NormBase) and module.running_mean is not None
    }
    if not norms:
        return []
    batch = setup.batches[0]
    if batch.size > SAMPLES and setup.passes.held.whole is not None:
        batch = batch.rows(torch.arange(SAMPLES))
    with setup.start(training), torch.enable_grad(), _stand_ins(setup.model):
        awake = {path: norm for path, norm in norms.items() if norm.training and norm.track_running_stats}
        if not awake:
            return []
        start = {path: _mean(norm) for path, norm in awake.items()}
        with _heard(awake) as inputs:
            output = setup.passes.run.forward(batch)
        between = {path: _mean(norm) for path, norm in awake.items()}
        # A backward pass is the work of about two forwards.
        setup.passes.run.samples_run += 2 * batch.size
        _backward(output)
        after = {path: _mean(norm) for path, norm in awake.items()}
        moved = {path for path in awake if not same_bits(start[path], between[path])}
        found = {p: "backward" for p in awake if not same_bits(between[p], after[p])}
        found |= {p: "forward" for p in moved - {*found} if _twice(inputs[p])}
        return [Update(p, awake[p].momentum, found[p]) for p in awake if p in found]


def _mean(norm: _NormBase) -> Tensor:
    assert norm.running_mean is not None
    return norm.running_mean.detach().clone()


def _backward(output: Any) -> None:
    """From the mean of every float tensor that depends on something that learns."""
    leaves = [dense(leaf) for _, leaf in tree.leaves(output) if leaf.requires_grad]
    parts = [leaf.float().mean() for leaf in leaves if leaf is not None and leaf.numel()]
    if not parts:
        return
    try:
        torch.stack([part.to(parts[0].device) for part in parts]).sum().backward()  # type: ignore[no-untyped-call]
    except torch.OutOfMemoryError:
        raise OutOfMemory from None
    except Exception as error:
        told = str(error).strip().split("\n")[0]
        raise Unanswerable(f"its backward pass fails: {type(error).__name__}: {told}") from None


@contextmanager
def _heard(norms: dict[str, _NormBase]) -> Iterator[dict[str, list[Tensor]]]:
    """The input of each call of each norm, in three numbers on its device."""
    heard: dict[str, list[Tensor]] = {path: [] for path in norms}

    def listen(module: nn.Module, args: tuple[Any, ...], path: str) -> None:
        if is_copy(module, norms[path]):
            return  # it moves statistics of its own
        for _, leaf in list(tree.leaves(list(args)))[:1]:
            flat = leaf.detach().double()
            ramp = torch.linspace(0, 1, leaf.numel(), dtype=torch.float64, device=leaf.device)
            heard[path].append(torch.stack([flat.sum(), flat.abs().sum(), (flat.reshape(-1) * ramp).sum()]))

    hooks = [
        norm.register_forward_pre_hook(lambda module, args, path=path: listen(module, args, path))
        for path, norm in norms.items()
        if not isinstance(norm, torch.jit.ScriptModule)
    ]
    try:
        yield heard
    finally:
        for hook in hooks:
            hook.remove()


def _twice(calls: list[Tensor]) -> bool:
    """Whether two calls had one and the same input, which was not all zeros."""
    return any(
        torch.equal(one, two) and bool(one.any())
        for i, one in enumerate(calls)
        for two in calls[i + 1 : i + 9]
    )


@contextmanager
def _stand_ins(model: nn.Module) -> Iterator[None]:
    """Parameters that share their memory take their places, so that gradients gather there.

    To be used inside a guard, which gives the parameters back. Those that cannot be exchanged lay their
    gradients and hooks aside for the while.
    """
    reach = walk(model)
    leaves = [t for t in reach.tensors if t.is_leaf and t.requires_grad]
    aside = [(t, t.grad) for t in leaves if not _exchanged(t, reach)]
    try:
        for tensor, _ in aside:
            tensor.grad = None
        yield
    finally:
        for tensor, gradient in aside:
            tensor.grad = gradient


def _exchanged(tensor: Tensor, reach: Reach) -> bool:
    places = reach.places.get(id(tensor))
    if not places or id(tensor) in reach.fixed or isinstance(tensor, LAZY):
        return False
    made = tensor.detach()
    stand_in = nn.Parameter(made) if isinstance(tensor, nn.Parameter) else made.requires_grad_()
    for holder, key in places:
        _base(holder).__setitem__(holder, key, stand_in)
    return True


def _base(holder: Any) -> Any:
    return next(base for base in (OrderedDict, dict, list, deque) if isinstance(holder, base))
