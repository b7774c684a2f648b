"""Runs a model over a pool in one state, under guard, and keeps what the measurements need."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.guard import untouched
from evalcheck.probe import outputs, scoring
from evalcheck.probe.fingerprints import fingerprints
from evalcheck.probe.modes import Mode
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.scoring import Metric


@dataclass(frozen=True)
class Run:
    """One pass: ``rows`` (N, D) float32 in the pool's order, and per-sample scores, each (N,)."""

    rows: Tensor
    scores: dict[str, Tensor] = field(default_factory=dict)

    def mean(self, name: str) -> float:
        return float(self.scores[name].double().mean())


@dataclass
class Runner:
    """Runs one model; counts the samples that went through it."""

    model: nn.Module
    seed: int
    metric: Metric | None = None
    samples_run: float = 0.0

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

        ``before`` is called before each batch. Rows come back in the pool's own order. Raises
        :class:`Complaint` where the model refuses a batch, :class:`OutOfMemory` where memory ends.
        """
        found: list[Tensor] = []
        scores: dict[str, list[Tensor]] = {}
        with untouched(self.model, parameters=False), torch.no_grad():
            mode(self.model)
            torch.manual_seed(self.seed * 1_000 + seed)
            for batch in pool.grouped(order):
                before()
                output = self.forward(batch)
                rows = outputs.rows(output, batch.size)
                if rows is None:
                    raise NoRows
                found.append(rows)
                for name, values in self._score(output, batch).items():
                    scores.setdefault(name, []).append(values)
        rows, kept = torch.cat(found), {k: torch.cat(v) for k, v in scores.items()}
        kept = {k: v for k, v in kept.items() if len(v) == len(rows)}
        if order is not None and pool.whole is not None:
            back = torch.argsort(order).to(rows.device)
            rows, kept = rows[back], {k: v[back.to(v.device)] for k, v in kept.items()}
        return Run(rows, kept)

    def forward(self, batch: Batch) -> Any:
        """The model on one batch; torch's own warnings are not the user's business here."""
        self.samples_run += batch.size
        with warnings.catch_warnings(), running(batch):
            warnings.simplefilter("ignore")
            return batch.run(self.model)

    def first_nonfinite(self, batch: Batch) -> str | None:
        """The first module in eval mode whose output is not finite."""
        with untouched(self.model, parameters=False), torch.no_grad(), fingerprints(self.model) as record:
            self.model.eval()
            self.forward(batch)
        return next((path for path, value in record if not bool(value.isfinite().all())), None)

    def _score(self, output: Any, batch: Batch) -> scoring.PerSample:
        if self.metric is not None and batch.targets is not None:
            return scoring.user_metric(self.metric, output, batch.targets, batch.size)
        return scoring.score(output, batch.targets, batch.size)


class NoRows(Exception):
    """The output holds no float tensor with one row per sample."""

    REASON = "the output has no float tensor with one row per sample"


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
        line = text.strip().split("\n")[0] or type(error).__name__
        raise Complaint(
            f"the model refuses a batch of {batch.shapes()}: {type(error).__name__}: {line}"
        ) from error


def _memory(text: str, error: Exception) -> bool:
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
