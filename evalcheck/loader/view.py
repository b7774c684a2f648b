"""The subject of the loader layer: one loader, asked about what it gives and what makes it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Literal

from evalcheck import transforms as table
from evalcheck.finding import Unanswerable
from evalcheck.guard import restored_randomness
from evalcheck.loader import drawing, duplicates, generators, inputs, order, pipeline, plan, reading
from evalcheck.loader.difference import Repeat
from evalcheck.loader.duplicates import Duplicates
from evalcheck.loader.inputs import Part
from evalcheck.loader.labels import Mix
from evalcheck.loader.norms import Norm
from evalcheck.loader.pipeline import Transform
from evalcheck.loader.plan import Plan

Role = Literal["eval", "train"]
ON_PURPOSE = re.compile(r"tta|test_?time|test_?aug|robust|corrupt|multi_?crop|two_?crop|monte_?carlo", re.I)
# Samples from which means and spreads are taken.
STATISTICS = 32
PLAIN = (bool, int, float, str, list, tuple, type(None))


class LoaderView:
    """A DataLoader or any iterable of batches, in the role that it plays for the model.

    Nothing is read before it is asked for, at most ``samples`` samples twice (more of a short
    stream whose order is in doubt), and every random generator is left as it was. The dataset's
    own attributes, such as a counter or a cache, see these reads like any others.
    """

    def __init__(
        self,
        loader: Any,
        role: Role,
        samples: int = 16,
        other: LoaderView | None = None,
        norms: Sequence[Norm] | None = None,
    ) -> None:
        """``other`` is the loader of the other role; ``norms`` are None where no model was traced."""
        self.loader = loader
        self.role = role
        self.samples = samples
        self.other = other
        self.norms = norms

    def plays(self, role: Role) -> bool:
        """Whether this is the loader of that role. Raises :class:`Unanswerable` where there is none."""
        if self.role != role and self.other is None:
            name = "a training loader" if role == "train" else "an evaluation loader"
            raise Unanswerable(f"{name} was not given")
        return self.role == role

    @cached_property
    def plan(self) -> Plan:
        """Sampler, sizes and workers, as attributes say them; nothing is drawn."""
        return plan.read(self.loader)

    @cached_property
    def order_is_meant(self) -> bool:
        """Whether a dataset's class names an order that means something, such as a time series."""
        return order.is_meant(self.datasets)

    @cached_property
    def mixed_before(self) -> bool:
        """Whether the indices behind the loader are already in no order."""
        return order.is_mixed(self.datasets)

    @cached_property
    def varied_on_purpose(self) -> bool:
        """Whether a dataset or transform has the name of test-time augmentation."""
        names = [type(dataset).__name__ for _, dataset in self.datasets]
        return any(ON_PURPOSE.search(name) for name in [*names, *(t.path for t in self.transforms)])

    @cached_property
    def label_mix(self) -> Mix | None:
        """How class labels are mixed in batches; None without labels that can be read."""
        with self._undisturbed():
            return order.label_mix(plan.working(self.loader), self.plan)

    @cached_property
    def inputs(self) -> dict[str, Part]:
        """What the inputs of some samples look like. Raises :class:`Unanswerable` if none can be read."""
        with self._undisturbed():
            # A wrapper may normalise what the loader inside it gives: the outermost one is asked.
            return inputs.parts(drawing.draw(self.loader, STATISTICS))

    @property
    def spread(self) -> bool:
        """Whether ``inputs`` are spread over the data, and not the first samples of a stream."""
        return self.plan.style == "indexed" and drawing.is_plain(self.loader)

    @cached_property
    def duplicates(self) -> Duplicates | None:
        """Whether workers draw alike; None where they do not copy a generator."""
        loader = plan.working(self.loader)
        if not drawing.is_plain(loader) or self.plan.style != "indexed" or not self.plan.workers:
            return None
        with self._undisturbed():
            return duplicates.measure(loader, min(self.samples, 8))

    @contextmanager
    def _undisturbed(self) -> Iterator[None]:
        held = generators.held(self.loader)
        with restored_randomness(), generators.restored(held):
            yield

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
        wanted = frozenset(id(transform.subject) for transform in self.transforms)
        try:
            with self._undisturbed():
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
