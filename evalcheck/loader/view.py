"""The subject of the loader layer: one loader, asked about what it gives and what makes it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

from evalcheck import transforms as table
from evalcheck.finding import Unanswerable
from evalcheck.guard import restored_randomness
from evalcheck.loader import generators, pipeline, reading
from evalcheck.loader.difference import Repeat
from evalcheck.loader.pipeline import Transform

PLAIN = (bool, int, float, str, list, tuple, type(None))


class LoaderView:
    """A DataLoader or any iterable of batches, in the role that it plays for the model.

    Nothing is read before it is asked for, at most ``samples`` samples twice (more of a short
    stream whose order is in doubt), and every random generator is left as it was. The dataset's
    own attributes, such as a counter or a cache, see these reads like any others.
    """

    def __init__(self, loader: Any, role: Literal["eval", "train"], samples: int = 16) -> None:
        self.loader = loader
        self.role = role
        self.samples = samples

    @cached_property
    def datasets(self) -> list[tuple[str, Any]]:
        """The datasets behind the loader by their paths, the outermost first."""
        return pipeline.datasets(self.loader)

    @cached_property
    def transforms(self) -> list[Transform]:
        """Every transform that they hold, outer ones before those inside."""
        return pipeline.transforms(self.loader)

    @cached_property
    def random_transforms(self) -> list[Transform]:
        """Transforms of known libraries that draw random numbers; of nested ones the outermost."""
        chosen: list[Transform] = []
        silent: list[Transform] = []
        for transform in self.transforms:
            if any(outer.holds(transform) for outer in (*chosen, *silent)):
                continue
            known = {k: v for k, v in _attributes(transform.subject).items() if isinstance(v, PLAIN)}
            if known.get("p") == 0:
                silent.append(transform)
            elif table.is_random(transform.name, known) or _chooses(transform, known):
                chosen.append(transform)
        return chosen

    def repeat(self) -> Repeat:
        """The same samples read twice. Raises :class:`Unanswerable` where that cannot be done."""
        return self._repeat()

    @cached_property
    def _repeat(self) -> Callable[[], Repeat]:
        """The answer or the refusal, so that each is found out once."""
        held = generators.held(self.loader)
        wanted = frozenset(id(transform.subject) for transform in self.transforms)
        try:
            with restored_randomness(), generators.restored(held):
                answer = reading.twice(self.loader, self.samples, wanted)
        except Unanswerable as refusal:
            return _refuse(str(refusal))
        return lambda: answer


def _refuse(reason: str) -> Callable[[], Repeat]:
    def refuse() -> Repeat:
        raise Unanswerable(reason)

    return refuse


def _chooses(transform: Transform, known: dict[str, Any]) -> bool:
    """Whether a container draws which of its children are applied."""
    if table.library(transform.name) is None or transform.label not in table.CHOOSERS:
        return False
    children = _attributes(transform.subject).get("transforms")
    several = hasattr(children, "__len__") and len(children) > 1  # type: ignore[arg-type]
    if transform.label == "RandomApply":
        return 0 < float(known.get("p", 0.5)) < 1
    return several


def _attributes(subject: Any) -> dict[str, Any]:
    return dict(getattr(subject, "__dict__", {}))
