"""Modules that one forward leaves in another mode than they were put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from evalcheck.graph.kinds import kind_of
from evalcheck.graph.state.effects import effect
from evalcheck.probe.state.nesting import outermost, within
from evalcheck.probe.state.setup import Forward


@dataclass(frozen=True)
class Switched:
    """What a forward in one mode left in the other.

    ``paths`` are all of them, ``effects`` what train mode does in those where the mode matters. ``tops`` are
    the outermost modules that hold such a one, or simply the outermost where there is none.
    """

    paths: tuple[str, ...]
    effects: dict[str, str]
    tops: tuple[str, ...]


def woken(modules: Mapping[str, nn.Module], forward: Forward) -> Switched | None:
    """What a forward in eval mode left in train mode."""
    return _told(modules, [path for path, flag in forward.switched.items() if flag])


def put_to_sleep(modules: Mapping[str, nn.Module], forward: Forward) -> Switched | None:
    """What a forward in train mode left in eval mode, and not because it is to be frozen."""
    asleep = [path for path, flag in forward.switched.items() if not flag]
    frozen = [path for path in outermost(asleep) if _is_frozen(modules[path])]
    return _told(modules, [path for path in asleep if not any(within(path, top) for top in frozen)])


def _is_frozen(module: nn.Module) -> bool:
    """A norm or a part that does not learn is kept in eval mode on purpose."""
    own = [*module.parameters()]
    learns = not own or any(p.requires_grad for p in own)
    return kind_of(module) in ("batchnorm", "instancenorm") or not learns


def _told(modules: Mapping[str, nn.Module], paths: list[str]) -> Switched | None:
    if not paths:
        return None
    effects = {path: what for path in paths if (what := effect(modules[path]))}
    tops = outermost(paths)
    if effects:
        tops = [top for top in tops if any(within(path, top) for path in effects)]
    return Switched(tuple(paths), effects, tuple(tops))
