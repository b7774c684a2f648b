"""Which input is made up where no loader was given, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch
from evalcheck.guard import restored_randomness, untouched
from evalcheck.inputs import arguments, configured, declared, guesses, samples, wording
from evalcheck.inputs.call import Call
from evalcheck.inputs.search import Search
from evalcheck.inputs.spec import Spec

# Ids below these are tried where the largest that an embedding allows is refused.
SMALL = (10, 2, 1)


@dataclass(frozen=True)
class Choice:
    """The batch, None where nothing fits; ``told`` says where it comes from, or what is missing.

    ``fails_in`` is the mode in which the model raised on it when it was tried, with its ``refusal`` in
    one line; None where neither mode is known to fail, and for a ``given`` input, which is not tried.
    """

    batch: Batch | None
    told: str
    given: bool = False
    fails_in: Literal["train", "eval"] | None = None
    refusal: str = ""

    @property
    def note(self) -> str:
        """What the input is, in a clause that a report can print."""
        if self.batch is None:
            return self.told
        if self.given:
            return f"the input is {self.told} ({wording.OPTION} {self.batch.shapes()})"
        return f"the input was made up ({self.told}: {self.batch.shapes()})"


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
        return Choice(Batch(tuple(given), {}, None, count), wording.GIVEN, given=True)
    with untouched(model), restored_randomness():
        return _searched(model, seed)


def _searched(model: nn.Module, seed: int) -> Choice:
    tried = Search(model)
    choice, stale = _found(model, tried, seed)
    # What raises in eval mode whatever it is given may run in train mode: that is a fault to be found.
    choice = choice or _found(model, tried.turned(), seed)[0]
    return choice or Choice(None, wording.missing(model, tried.failure, stale))


def _found(model: nn.Module, tried: Search, seed: int) -> tuple[Choice | None, list[str]]:
    """The input that the first of the sources leads to, and which of them do not fit the model."""
    stale: list[str] = []
    for source, calls, lead in _sources(model):
        call = tried.first(calls, lead)
        if call is not None and (call := _indexed(tried, call)) is not None:
            return _told(model, tried, source, call, stale, seed), stale
        if source in declared.NAMES or source.endswith("_cfg"):
            stale.append(source)
            tried.failure = None
    return None, stale


def _told(
    model: nn.Module, tried: Search, source: str, call: Call, stale: Sequence[str], seed: int
) -> Choice:
    mode, refusal = tried.refusal(call)
    told = wording.origin(source, call, model, stale)
    if mode == "eval":
        told += "; the model runs on it in train mode only"
    afforded = samples.afforded(model, call, tried.seconds(call), tried.training)
    if afforded.samples < call.samples:
        told += f"; {afforded.samples} samples only, because a forward of {call.samples} takes over a second"
    return Choice(afforded.drawn(seed), told, fails_in=mode, refusal=refusal)


def _sources(model: nn.Module) -> Iterator[tuple[str, list[Call] | Iterator[Call], bool]]:
    for name, calls in declared.values(model):
        yield name, calls, False
    yield wording.CONFIGURATION, configured.calls(model), False
    for name, calls in declared.pictures(model):
        yield name, calls, False
    if not any(arguments.GRAPHS.fullmatch(p.name) for p in arguments.required(model)[0]):
        yield wording.LAYERS, guesses.calls(model), True


def _indexed(tried: Search, call: Call) -> Call | None:
    """Whole numbers are tried for real: without values no index is found to be too large."""
    whole = [name for name, spec in call.slots.items() if _varies(spec)]
    if not whole or tried.taken(call):
        return call
    for below in SMALL:
        smaller = {name: replace(call.slots[name], low=0, high=below, last=None) for name in whole}
        call = replace(call, slots={**call.slots, **smaller})
        if tried.taken(call):
            return call
    return None


def _varies(spec: Spec) -> bool:
    return spec.dtype is torch.int64 and spec.high > spec.low + 1 and spec.sample is None
