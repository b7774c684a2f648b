"""What a failed trial leads to: other shapes, other lengths, a mapping or a sequence instead of a tensor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from evalcheck.inputs import arguments, complaints, layers
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Hit, Outcome
from evalcheck.inputs.spec import Spec


def fitting(spec: Spec, hit: Hit) -> Iterator[Spec]:
    """What the layer takes that the input reached, at the input's own rank."""
    if spec.layer == hit.path:
        return
    for wanted in layers.takes(hit.path, hit.module):
        if len(spec.shape) < len(hit.shape) and wanted.shape[1:2] == (1,) and len(wanted.shape) > 2:
            # An axis was added on the way: a single channel is often left out.
            shape, free = (wanted.shape[0], *wanted.shape[2:]), tuple(axis - 1 for axis in wanted.free)
            yield replace(wanted, shape=shape, free=free)
        else:
            yield wanted


def reshaped(call: Call, error: BaseException) -> Iterator[Call]:
    """Mappings for a model that asks its input for names, tuples for one that unpacks it."""
    if len(call.slots) != 1:
        if call.form == "mapping" and isinstance(error, KeyError) and error.args:
            yield _with(call, str(error.args[0]))
        return
    ((name, spec),) = call.slots.items()
    if call.form == "mapping" and isinstance(error, KeyError) and error.args:
        key = str(error.args[0])
        yield Call({key: spec}, "mapping") if name == "" else _with(call, key)
    elif call.form == "positional" and complaints.wants_names(error):
        yield Call({"": spec}, "mapping")
    elif call.form == "positional" and (count := complaints.unpacked(str(error), len(spec.shape))):
        yield Call({f"{name}[{index}]": spec for index in range(count)}, "sequence")


def _with(call: Call, key: str) -> Call:
    spec = next(iter(arguments.promised(key)), None) or next(iter(call.slots.values()))
    return call.changed(key, spec)


def evened(call: Call, outcome: Outcome) -> Iterator[Call]:
    """An axis given the length that something else has; a part of a joined vector what is missing to it."""
    pair = complaints.mismatch(outcome.reason, outcome.samples)
    if pair is None:
        return
    got, wanted = pair
    for name, spec in call.slots.items():
        for axis, length in enumerate(spec.shape):
            if length == got and axis != spec.batch:
                shape = (*spec.shape[:axis], wanted, *spec.shape[axis + 1 :])
                yield call.changed(name, replace(spec, shape=shape, free=()))
    for name, spec in call.slots.items():
        if spec.dtype.is_floating_point and len(spec.shape) > 1 and not spec.free:
            width = spec.shape[-1] + wanted - got
            if width > 0:
                yield call.changed(name, replace(spec, shape=(*spec.shape[:-1], width)))
