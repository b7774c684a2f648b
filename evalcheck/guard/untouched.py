"""One guard for every run: the model leaves it bit for bit as it entered.

Buffers are swapped for clones, so that the originals are never written and their versions do
not move: a backward pass that the user has pending still works. Parameters keep their identity
(optimizers hold them) and are put back by value if anything wrote to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from evalcheck.guard import holders, scripted, swapping, switches, tensors
from evalcheck.guard import randomness as generators
from evalcheck.guard.kinds import Kind
from evalcheck.guard.reach import Reach, walk
from evalcheck.guard.undo import Undo, take


@contextmanager
def untouched(model: nn.Module, parameters: bool = True, randomness: bool = True) -> Iterator[None]:
    """Restore ``model`` and the random generators on the way out, on exceptions and interrupts too.

    Covers every module (also those kept in containers and objects): parameters with gradients,
    ``requires_grad``, hooks and versions, buffers, modes, hooks, submodules, classes, and python
    attributes as deep as they go, the nearest ten thousand objects: containers, objects' fields,
    tensors, arrays, generators. Lazy modules are lazy again. Further torch's global switches, and
    torch's, CUDA's, MPS's, numpy's and python's generators. Not covered: what only a closure, an
    iterator or foreign C code holds, datasets, and the machinery that :mod:`kinds` lists.

    ``parameters=False`` leaves parameters out, which spares a copy of them for the many short runs
    inside one long guard; ``randomness=False`` lets all generators run on, for repetitions inside one.
    """
    undo: list[Undo] = []
    try:
        undo += switches.capture()
        if randomness:
            undo += generators.capture()
        reach = walk(model)
        # First everything is noted, then the first thing is changed: an error while entering,
        # such as the end of memory, finds every change with its way back.
        _note(reach, undo, parameters, randomness)
        for tensor in reach.tensors:
            if parameters and tensor.is_leaf and tensor.grad is not None:
                # The user's gradient is laid aside and never written to.
                tensor.grad = None
        yield
    finally:
        take(reversed(undo))


def _note(reach: Reach, undo: list[Undo], parameters: bool, randomness: bool) -> None:
    """Append all steps back, and swap the buffers, whose steps are then among them."""
    for module in reach.modules:
        steps, held = scripted.note(module)
        undo += steps
        for tensor in held:
            reach.offer(tensor)
    undo.append(partial(holders.empty, reach.empty))
    for kind, holder in reach.holders:
        if kind is not Kind.GENERATOR:
            undo += holders.note(kind, holder)
        elif randomness:
            undo += generators.note(holder)
    swapped = swapping.swappable(reach)
    skipped = {id(tensor) for tensor in swapped}
    for tensor in reach.tensors:
        if id(tensor) not in skipped and (parameters or _is_kept_anyway(tensor)):
            undo += tensors.note(tensor)
    for tensor in swapped:
        swapping.swap(tensor, reach)


def _is_kept_anyway(tensor: Tensor) -> bool:
    # A lazy module whose class came back without its parameters would be neither.
    if isinstance(tensor, tensors.LAZY):
        return True
    # Scripted modules give their parameters as plain tensors.
    return not isinstance(tensor, nn.Parameter) and not (tensor.is_leaf and tensor.requires_grad)


def is_lazy(model: nn.Module) -> bool:
    """Whether a first forward would still initialise some parameter or buffer."""
    held: list[Any] = [*model.parameters(), *model.buffers()]
    return any(isinstance(tensor, tensors.LAZY) for tensor in held)
