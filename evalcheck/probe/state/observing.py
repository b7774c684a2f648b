"""Observers of quantisation at work: what one forward in eval mode does to their ranges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from torch import Tensor

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.state import observers
from evalcheck.graph.state.observers import Observer
from evalcheck.probe.state.carried import Carried
from evalcheck.probe.state.nesting import within
from evalcheck.probe.state.setup import Setup
from evalcheck.probe.state.snapshots import Key


@dataclass(frozen=True)
class Observing:
    """One observer, and the buffers in it that an eval forward changed."""

    observer: Observer
    keys: tuple[Key, ...]

    @property
    def path(self) -> str:
        return self.observer.view.path

    @property
    def lowest(self) -> Key | None:
        return next((key for key in self.keys if key[1] == "min_val"), None)

    @property
    def highest(self) -> Key | None:
        return next((key for key in self.keys if key[1] == "max_val"), None)


def at_work(setup: Setup, carried: Carried) -> list[Observing]:
    """Observers that eval mode runs and whose buffers it changes."""
    views = {path: ModuleView(path, module) for path, module in setup.model.named_modules()}
    found = []
    recording = [*observers.recording(ModelGraph(setup.model, views, None, None))]
    for observer in (*recording, *_of_weights(views, {observer.view.path for observer in recording})):
        path = observer.view.path
        keys = [key for key in carried.suspects if within(key[0], path)]
        if keys:
            found.append(Observing(observer, tuple(keys)))
    return found


def _of_weights(views: Mapping[str, ModuleView], known: set[str]) -> Iterator[Observer]:
    """Fake quantisation of weights, whose ranges are averages that may still be on their way."""
    for path, view in views.items():
        if path not in known and isinstance(getattr(view.module, "observer_enabled", None), Tensor):
            yield Observer(view, simulating=True, seen=True)
