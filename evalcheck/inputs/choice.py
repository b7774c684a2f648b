"""Which input is made up where no loader was given, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch
from evalcheck.guard import restored_randomness, untouched
from evalcheck.inputs import arguments, configured, declared, guesses, wording
from evalcheck.inputs.call import Call
from evalcheck.inputs.search import Search
from evalcheck.inputs.spec import Spec
from evalcheck.inputs.trial import attempt

# Ids below these are tried where the largest that an embedding allows is refused.
SMALL = (10, 2, 1)


@dataclass(frozen=True)
class Choice:
    """The batch, None where nothing fits; ``told`` says where it comes from, or what is missing."""

    batch: Batch | None
    told: str


def choose(model: nn.Module, given: Sequence[Tensor] = (), seed: int = 0) -> Choice:
    """An input for a model that comes without a loader. The model and all generators stay as they are.

    In this order: the ``given`` tensors (one for each positional argument); what the module declares
    (``example_inputs()``, ``example_input_array``, ``dummy_inputs``); a configuration such as
    transformers has; timm's ``pretrained_cfg``; shapes from the first layers. What the model's author
    states comes before what layers tell, and all of it is tried, for it may be stale. Values are drawn
    from a private generator, the same for the same ``seed``.
    """
    if given:
        count = given[0].shape[0] if given[0].ndim else 1
        return Choice(Batch(tuple(given), {}, None, count), "--input")
    with untouched(model), restored_randomness():
        return _searched(model, seed)


def _searched(model: nn.Module, seed: int) -> Choice:
    tried = Search(model)
    stale: list[str] = []
    for source, calls, lead in _sources(model):
        call = tried.first(calls, lead)
        if call is not None:
            batch = _indexed(model, call, seed)
            if batch is not None:
                return Choice(batch, wording.origin(source, call, model, stale))
        elif source in declared.NAMES or source.endswith("_cfg"):
            stale.append(source)
            tried.failure = None
    return Choice(None, wording.missing(model, tried.failure, stale))


def _sources(model: nn.Module) -> Iterator[tuple[str, list[Call] | Iterator[Call], bool]]:
    for name, calls in declared.values(model):
        yield name, calls, False
    yield wording.CONFIGURATION, configured.calls(model), False
    for name, calls in declared.pictures(model):
        yield name, calls, False
    if not any(arguments.GRAPHS.fullmatch(p.name) for p in arguments.required(model)[0]):
        yield wording.LAYERS, guesses.calls(model), True


def _indexed(model: nn.Module, call: Call, seed: int) -> Batch | None:
    """The values. Whole numbers are tried for real: without values no index is found to be too large."""
    whole = [name for name, spec in call.slots.items() if _varies(spec)]
    if not whole or attempt(model, call, real=True).ok:
        return call.drawn(seed)
    for below in SMALL:
        smaller = {name: replace(call.slots[name], low=0, high=below, last=None) for name in whole}
        call = replace(call, slots={**call.slots, **smaller})
        if attempt(model, call, real=True).ok:
            return call.drawn(seed)
    return None


def _varies(spec: Spec) -> bool:
    return spec.dtype is torch.int64 and spec.high > spec.low + 1 and spec.sample is None
