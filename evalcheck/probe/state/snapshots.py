"""What the modules keep besides their weights, at one moment: buffers and plain attributes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from evalcheck.guard.kinds import Kind, kind
from evalcheck.probe.state import frozen
from evalcheck.probe.state.frozen import Frozen

# A module's path and the name of what it keeps.
Key = tuple[str, str]
OWN_TO_TORCH = frozenset(vars(nn.Module()))


def dotted(key: Key) -> str:
    """The key as one name: ``encoder.norm.running_mean``."""
    return ".".join(filter(None, key))


@dataclass(frozen=True)
class Snapshot:
    """Frozen values by key. An object that many modules share is kept under the first."""

    buffers: Mapping[Key, Frozen]
    attributes: Mapping[Key, Frozen]

    def get(self, key: Key) -> Frozen | None:
        """The value; None where there was nothing of the name."""
        return self.buffers.get(key) or self.attributes.get(key)

    def changed(self, later: Snapshot) -> list[Key]:
        """Keys of what appeared, went, or is not the same bit for bit, in the order of the modules."""
        keys = dict.fromkeys((*self.buffers, *later.buffers, *self.attributes, *later.attributes))
        return [key for key in keys if not _same(self.get(key), later.get(key))]

    def beside(self, later: Snapshot, keys: Iterable[Key]) -> tuple[tuple[str, str, str], ...]:
        """For people: the name of each, its value at this moment and at the later one."""
        return tuple((dotted(k), frozen.shown(self.get(k)), frozen.shown(later.get(k))) for k in keys)

    def lay(self, keys: Collection[Key], modules: Mapping[str, nn.Module]) -> None:
        """Give the modules these values again; to be called inside a guard, which takes them back."""
        for path, name in keys:
            module, value = modules[path], self.get((path, name))
            table = vars(module).get("_buffers")
            if isinstance(table, dict) and name in table:
                table[name] = None if value is None else frozen.thaw(value)
            elif value is None:
                vars(module).pop(name, None)
            else:
                vars(module)[name] = frozen.thaw(value)


def take(modules: Mapping[str, nn.Module]) -> Snapshot:
    """Everything that a forward could leave on the modules, copied."""
    buffers: dict[Key, Frozen] = {}
    attributes: dict[Key, Frozen] = {}
    met: set[int] = set()
    for path, module in modules.items():
        if isinstance(module, torch.jit.ScriptModule):
            continue  # What it keeps lies in C++.
        table = vars(module).get("_buffers")
        for name, tensor in table.items() if isinstance(table, dict) else ():
            buffers[path, name] = frozen.freeze(tensor)
        for name, value in vars(module).items():
            if name in OWN_TO_TORCH or (kind(type(value)) is Kind.OBJECT and id(value) in met):
                continue
            met.add(id(value))
            attributes[path, name] = frozen.freeze(value)
    return Snapshot(buffers, attributes)


def _same(one: Frozen | None, two: Frozen | None) -> bool:
    return one is two if one is None or two is None else frozen.same(one, two)
