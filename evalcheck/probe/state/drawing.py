"""Which modules draw from the global generators while they run."""

from __future__ import annotations

from typing import Any

import torch

from evalcheck.probe.running.modes import evaluating
from evalcheck.probe.state import generators
from evalcheck.probe.state.setup import Setup


def modules(setup: Setup) -> tuple[str, ...]:
    """The innermost ones in an eval forward, in order; slow: to be asked once something was drawn."""
    open_calls: list[list[Any]] = []
    found: dict[str, None] = {}

    def enter(path: str) -> None:
        open_calls.append([path, generators.positions(), False])

    def leave(path: str) -> None:
        while open_calls and open_calls[-1][0] != path:
            open_calls.pop()
        if not open_calls:
            return
        _, before, inside = open_calls.pop()
        drew = bool(generators.moved(before, generators.positions()))
        if drew and not inside:
            found[path] = None
        if drew and open_calls:
            open_calls[-1][2] = True

    with setup.start(evaluating):
        hooks = []
        for path, module in setup.modules.items():
            if not isinstance(module, torch.jit.ScriptModule):
                hooks.append(module.register_forward_pre_hook(lambda *_, path=path: enter(path)))
                hooks.append(module.register_forward_hook(lambda *_, path=path: leave(path)))
        try:
            setup.run(setup.batches[0])
        finally:
            for hook in hooks:
                hook.remove()
    return tuple(found)
