"""One guard for every run: the model leaves it bit for bit as it entered.

Buffers are swapped for clones, so that the originals are never written and their versions do
not move: a backward pass that the user has pending still works. Parameters keep their identity
(optimizers hold them) and are put back by value if anything wrote to them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from evalcheck.guard import randomness as generators

Undo = Callable[[], object]


@contextmanager
def untouched(model: nn.Module, parameters: bool = True, randomness: bool = True) -> Iterator[None]:
    """Restore ``model`` and the random generators on the way out, on exceptions and interrupts too.

    Covers, for every module (also those kept in plain lists, tuples and dicts): parameters,
    buffers, gradients, ``requires_grad``, modes, hooks, submodules and python attributes
    (containers to one level); grad mode and the attention fast path; torch, CUDA, MPS, numpy and
    python generators. Not covered: objects that are no modules, and lazy modules, which a first
    forward initialises for good. ``parameters=False`` leaves parameters out, which spares a copy
    of them for the many short runs inside one long guard; ``randomness=False`` lets the generators
    run on, for repetitions inside one.
    """
    undo = [*(generators.capture() if randomness else ()), *_globals()]
    seen: dict[int, Tensor] = {}
    try:
        for module in every_module(model):
            undo += _module(module, seen)
        if parameters:
            undo += [step for p in model.parameters() for step in _parameter(p)]
        yield
    finally:
        _run(reversed(undo))


def every_module(model: nn.Module) -> list[nn.Module]:
    """The model's modules, and those that hide in plain containers of theirs."""
    found: dict[int, nn.Module] = {}
    waiting: list[object] = [model]
    while waiting:
        item = waiting.pop()
        if isinstance(item, nn.Module) and id(item) not in found:
            found[id(item)] = item
            waiting += list(item._modules.values())
            waiting += [
                v for k, v in item.__dict__.items() if k not in ("_parameters", "_buffers", "_modules")
            ]
        elif isinstance(item, (list, tuple, set)) and len(item) < 10_000:
            waiting += [v for v in item if isinstance(v, (nn.Module, list, tuple, dict))]
        elif isinstance(item, dict) and len(item) < 10_000:
            waiting += [v for v in item.values() if isinstance(v, (nn.Module, list, tuple, dict))]
    return list(found.values())


def _module(module: nn.Module, seen: dict[int, Tensor]) -> list[Undo]:
    undo: list[Undo] = []
    if isinstance(module, torch.jit.ScriptModule):
        # Its tables live in C++ and cannot be swapped: values are put back instead.
        return [s for b in module.buffers() for s in _by_value(b)]
    attributes = dict(module.__dict__)
    for value in attributes.values():
        if isinstance(value, (dict, list, set)):
            undo.append(partial(_refill, value, value.copy()))
        elif isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
            undo += _by_value(value)
    undo.append(partial(_refill, module.__dict__, attributes))
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = seen.setdefault(id(buffer), buffer.detach().clone())
    return undo


def _parameter(parameter: nn.Parameter) -> list[Undo]:
    if isinstance(parameter, UninitializedParameter):
        return []
    undo = _by_value(parameter)
    undo.append(partial(setattr, parameter, "grad", parameter.grad))
    undo.append(partial(parameter.requires_grad_, parameter.requires_grad))
    # The user's gradient is laid aside and never written to.
    parameter.grad = None
    return undo


def _by_value(tensor: Tensor) -> list[Undo]:
    copy = tensor.detach().clone()

    def put_back() -> None:
        with torch.no_grad():
            if tensor.shape != copy.shape:
                tensor.data = copy
            elif not _same_bits(tensor.detach(), copy):
                tensor.data.copy_(copy)

    return [put_back]


def _same_bits(one: Tensor, two: Tensor) -> bool:
    """Equality that holds between equal NaNs and is cheap where there are none."""
    return torch.equal(one, two) or torch.allclose(one, two, rtol=0, atol=0, equal_nan=True)


def _refill(container: Any, content: Any) -> None:
    if isinstance(container, (MutableMapping, set)):
        container.clear()
        container.update(content)
    else:
        container[:] = content


def _globals() -> list[Undo]:
    undo: list[Undo] = [partial(torch.set_grad_enabled, torch.is_grad_enabled())]
    fast_path = torch.backends.mha.get_fastpath_enabled()
    return [*undo, partial(torch.backends.mha.set_fastpath_enabled, fast_path)]


def _run(undo: Iterator[Undo]) -> None:
    """Every step on its own: one that fails must not keep the others from being taken."""
    failed: BaseException | None = None
    for step in undo:
        try:
            step()
        except BaseException as error:
            failed = failed or error
    if failed is not None:
        raise failed


def is_lazy(model: nn.Module) -> bool:
    """Whether a first forward would still initialise some parameter or buffer."""
    tensors: list[Any] = [*model.parameters(), *model.buffers()]
    return any(isinstance(t, (UninitializedParameter, UninitializedBuffer)) for t in tensors)


def attributes(module: nn.Module) -> Mapping[str, Any]:
    """A module's own python attributes, without torch's tables."""
    return {k: v for k, v in module.__dict__.items() if not k.startswith("_")}
