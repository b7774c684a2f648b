"""How made-up tensors are handed to a model: by position, by name, in a mapping or in a sequence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.inputs.spec import SAMPLES, Spec

Form = Literal["positional", "keywords", "mapping", "sequence"]


@dataclass(frozen=True)
class Call:
    """One call of a model that could be made: a spec for each of its inputs."""

    slots: Mapping[str, Spec]
    form: Form = "positional"

    def key(self) -> tuple[object, ...]:
        """What tells two calls apart."""
        return (self.form, *((name, s.shape, s.dtype, s.high) for name, s in self.slots.items()))

    def changed(self, name: str, spec: Spec) -> Call:
        """With another spec for one input."""
        return replace(self, slots={**self.slots, name: spec})

    def resized(self, size: int) -> Call:
        """With another size along all free axes."""
        return replace(self, slots={name: s.resized(size) for name, s in self.slots.items()})

    def counted(self, samples: int) -> Call:
        """With another number of samples."""
        return replace(self, slots={name: s.counted(samples) for name, s in self.slots.items()})

    def typed(self, dtype: torch.dtype) -> Call:
        """With normal numbers of this type; declared values stay what they are."""
        slots = {
            name: replace(s, dtype=dtype) if s.dtype is torch.float32 and s.sample is None else s
            for name, s in self.slots.items()
        }
        return replace(self, slots=slots)

    @property
    def size(self) -> int | None:
        """The size along the free axes, None where there are none."""
        return next((s.size for s in self.slots.values() if s.free), None)

    @property
    def numbers(self) -> int:
        """How many numbers all inputs have together."""
        return sum(math.prod(s.shape) for s in self.slots.values())

    @property
    def hollow(self) -> bool:
        """Whether an input that is made up would hold nothing: a layer without a width takes that too."""
        return any(0 in s.shape for s in self.slots.values() if s.sample is None)

    @property
    def axes(self) -> int:
        """How many axes are free together: 2 for images, 1 for sequences."""
        return max((len(s.free) for s in self.slots.values()), default=0)

    def made(self, make: Callable[[Spec], Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Arguments and keywords, with a tensor for each spec."""
        tensors = {name: make(spec) for name, spec in self.slots.items()}
        if self.form == "keywords":
            return (), tensors
        if self.form == "mapping":
            return (tensors,), {}
        if self.form == "sequence":
            return (tuple(tensors.values()),), {}
        return tuple(tensors.values()), {}

    def drawn(self, seed: int) -> Batch:
        """A batch of real values, from a generator of its own."""
        generator = torch.Generator().manual_seed(seed)
        args, kwargs = self.made(lambda spec: spec.draw(generator))
        return Batch(args, kwargs, None, self.samples)

    @property
    def samples(self) -> int:
        """How many samples the batch holds."""
        counts = (s.shape[s.batch] for s in self.slots.values() if s.batch is not None and s.shape)
        return next(counts, SAMPLES)
