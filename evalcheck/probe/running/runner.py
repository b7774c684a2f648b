"""Runs a model over a pool in one state, under guard, and keeps what the measurements need."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.complaint import Complaint, differentiates
from evalcheck.guard import randomness, untouched
from evalcheck.guard.modes import switch
from evalcheck.probe.dependence.fingerprints import fingerprints
from evalcheck.probe.judging import scoring
from evalcheck.probe.judging.predictions import predictions
from evalcheck.probe.judging.scoring import Metric
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import masks, outputs
from evalcheck.probe.running.budget import Budget
from evalcheck.probe.running.modes import Mode
from evalcheck.probe.running.outputs import Leaves

# What makes the outputs of any model comparable.
WAY_OUT = (
    "pass forward= to evalcheck.check, a function of (model, batch) that returns such a tensor in both "
    "modes, say class scores or features"
)


@dataclass(frozen=True)
class Run:
    """One pass: the output's leaves and the per-sample scores, rows in the pool's order.

    ``classes`` are class scores, (N, positions, C) float32, where the output chooses among classes.
    ``infinite`` holds the signs of infinities, for which the leaves hold 0; empty without any.
    """

    leaves: Leaves
    scores: dict[str, Tensor] = field(default_factory=dict)
    classes: Tensor | None = None
    infinite: Leaves = field(default_factory=dict)

    @cached_property
    def rows(self) -> Tensor:
        """All leaves side by side, (N, D) float32."""
        return outputs.wide(self.leaves)

    @property
    def signs(self) -> Leaves:
        """Where the output was infinite, as -1 or 1 in leaves of 0, int8."""
        zeros = {path: torch.zeros_like(leaf, dtype=torch.int8) for path, leaf in self.leaves.items()}
        return self.infinite or zeros

    def first(self, count: int) -> Run:
        """The same of the first samples only."""
        if len(self.rows) <= count:
            return self
        return Run(
            {path: leaf[:count] for path, leaf in self.leaves.items()},
            {name: values[:count] for name, values in self.scores.items()},
            None if self.classes is None else self.classes[:count],
            {path: signs[:count] for path, signs in self.infinite.items()},
        )

    def mean(self, name: str) -> float:
        return float(self.scores[name].double().mean())


@dataclass
class Runner:
    """Runs one model; counts the samples that went through it."""

    model: nn.Module
    seed: int
    metric: Metric | None = None
    budget: Budget = field(default_factory=Budget)
    samples_run: float = 0.0
    scales: dict[str, float] = field(default_factory=dict)
    differentiates: bool = False

    def __call__(
        self,
        pool: Pool,
        mode: Mode,
        *,
        order: Tensor | None = None,
        seed: int = 0,
        before: Callable[[], None] = lambda: None,
    ) -> Run:
        """One pass over the pool in ``mode``, its batches composed by ``order``, without gradients.

        ``before`` is called before each batch. Raises :class:`Complaint` where the model refuses a
        batch, :class:`OutOfMemory` where memory ends, :class:`NoRows` without comparable output,
        :class:`OutOfTime` where the budget does.
        """
        found: list[Leaves] = []
        scores: dict[str, list[Tensor]] = {}
        chosen: list[Tensor | None] = []
        self.budget.demand()
        with untouched(self.model, parameters=False), torch.no_grad():
            mode(self.model)
            randomness.seed(self.seed * 1_000 + seed)
            for batch in pool.grouped(order):
                before()
                output = self.forward(batch)
                found.append(outputs.leaves(output, batch.size))
                chosen.append(predictions(output, batch.targets, batch.size))
                for name, values in self._score(output, batch).items():
                    scores.setdefault(name, []).append(values.detach())
        leaves = outputs.joined(found)
        if not leaves:
            raise NoRows
        leaves, infinite = masks.parted(leaves)
        leaves = self._scaled(leaves)
        kept = scoring.settled({k: torch.cat(v) for k, v in scores.items()}, pool.samples)
        classes = _together(chosen)
        if order is not None and pool.whole is not None:
            back = torch.argsort(order)
            leaves = {path: leaf[back.to(leaf.device)] for path, leaf in leaves.items()}
            infinite = {path: signs[back.to(signs.device)] for path, signs in infinite.items()}
            kept = {name: values[back.to(values.device)] for name, values in kept.items()}
            classes = classes[back.to(classes.device)] if classes is not None else None
        return Run(leaves, kept, classes, infinite)

    def forward(self, batch: Batch) -> Any:
        """The model on one batch; torch's own warnings are not the user's business here.

        With gradients where it runs with them only.
        """
        self.budget.demand()
        self.samples_run += batch.size
        try:
            return self._forward(batch, self.differentiates or torch.is_grad_enabled())
        except Complaint as complaint:
            if torch.is_grad_enabled() or self.differentiates or not differentiates(str(complaint)):
                raise
        output = self._forward(batch, True)
        self.differentiates = True
        return output

    def _forward(self, batch: Batch, gradients: bool) -> Any:
        with warnings.catch_warnings(), running(batch), eagerly(), torch.set_grad_enabled(gradients):
            warnings.simplefilter("ignore")
            return batch.run(self.model)

    def leaves(self, batch: Batch) -> Leaves:
        """The model's output on one batch in the scales of all runs; gradients flow where they are on."""
        finite, _ = masks.parted(outputs.leaves(self.forward(batch), batch.size, attached=True))
        return self._scaled(finite)

    def _scaled(self, found: Leaves) -> Leaves:
        """The leaves beside the primary one with as much spread as it has, in the first run that has them.

        Rows of a run are its leaves side by side, and boxes in pixels would drown any score. The primary one
        stays as it is: it may be all that one mode gives.
        """
        main = outputs.primary_of(found)
        if main is None or len(found) < 2:
            return found
        for path, leaf in found.items():
            if path not in self.scales:
                self.scales[path] = outputs.spread(main) / outputs.spread(leaf)
        return {path: leaf if leaf is main else leaf * self.scales[path] for path, leaf in found.items()}

    def first_nonfinite(self, batch: Batch) -> str | None:
        """The first module in eval mode whose output is not finite."""
        with untouched(self.model, parameters=False), torch.no_grad(), fingerprints(self.model) as record:
            switch(self.model, False)
            self.forward(batch)
        broken = (p.path for p in record if p.side == "output" and not bool(p.sums.isfinite().all()))
        return next(broken, None)

    def _score(self, output: Any, batch: Batch) -> scoring.PerSample:
        found = scoring.score(output, batch.targets, batch.size)
        if self.metric is not None and batch.targets is not None:
            found |= scoring.user_metric(self.metric, output, batch.targets, batch.size)
        return found


def _together(chosen: list[Tensor | None]) -> Tensor | None:
    """Class scores of all batches, where all have them in one shape."""
    found = [part for part in chosen if part is not None]
    if len(found) < len(chosen) or len({part.shape[1:] for part in found}) != 1:
        return None
    return masks.choosable(torch.cat(found))


class NotFinite(Complaint):
    """The eval output holds NaN or infinity: nothing can be compared with it."""


class NoRows(Exception):
    """The output holds no float tensor with one row per sample, in one width for all batches."""

    REASON = (
        "the output has no float tensor with one row of the same length for every sample (a model may give "
        f"losses only, or boxes); {WAY_OUT}"
    )


@contextlib.contextmanager
def eagerly() -> Iterator[None]:
    """Compiled models are run as written: hooks on their modules would not be called otherwise."""
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextlib.contextmanager
def running(batch: Batch) -> Iterator[None]:
    """Tell memory that ended from a model that refuses its batch."""
    try:
        yield
    except torch.OutOfMemoryError:
        raise OutOfMemory from None
    except (Complaint, KeyboardInterrupt):
        raise
    except Exception as error:
        text = str(error)
        if isinstance(error, (RuntimeError, MemoryError)) and _memory(text, error):
            raise OutOfMemory from None
        line = text.strip().split("\n")[0].removesuffix(", but expected one of:") or "no reason given"
        told = f"the model refuses a batch of {batch.shapes()}: {type(error).__name__}: {line}"
        hint = _bytes(text, batch) or batch.doubt
        raise Complaint(f"{told}; {hint}" if hint else told) from error


def _bytes(text: str, batch: Batch) -> str:
    """Pictures come as bytes where a loader does not convert them; torch calls these by several names."""
    held = tree.leaves([batch.args, batch.kwargs, batch.whole])
    if re.search(r"unsigned char|\bByte|uint8", text) and any(t.dtype is torch.uint8 for _, t in held):
        return "the loader gives uint8: convert to float there"
    return ""


def _memory(text: str, error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
