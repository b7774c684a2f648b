"""What ``evalcheck recalibrate`` made: the weights with the new statistics, and the words for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from evalcheck.cli import checkpoint
from evalcheck.cli.ending import columns
from evalcheck.cli.weights import Weights
from evalcheck.complaint import Complaint
from evalcheck.recalibration import Change, Recalibration
from evalcheck.recalibration.judging import Judgement, judge
from evalcheck.reporters.numbers import change

if TYPE_CHECKING:
    from evalcheck.cli.loaders import Data
    from evalcheck.cli.recalibrate import Wanted
    from evalcheck.probe import Pool
    from evalcheck.probe.judging.scoring import Metric

WORST, WIDTH = 3, 100
NOT_JUDGED = Judgement(reason="no samples could be set aside: pass --eval-loader")


@dataclass(frozen=True)
class Result:
    """``statistics`` are the new ones by their names in the model's state_dict."""

    made: Recalibration
    statistics: Mapping[str, Tensor]
    judgement: Judgement
    feed: str
    pool: Pool | None


def name_of(option: str | None, data: Data, what: str) -> str:
    """What a loader is called: as on the command line, or as it was found."""
    if option is not None:
        return option
    return next((note.split(": ", 1)[1] for note in data.notes if note.startswith(what)), "the loader")


def statistics(model: nn.Module, made: Recalibration) -> dict[str, Tensor]:
    """Copies of the buffers that were written, by name."""
    # A norm that stands under two names keeps one set of buffers.
    ours = {id(buffer): buffer.detach().clone() for buffer in made.buffers}
    own = model.state_dict(keep_vars=True)
    return {name: ours[id(value)] for name, value in own.items() if id(value) in ours}


def judged(
    model: nn.Module, made: Recalibration, pool: Pool | None, metric: Metric | None, seed: int
) -> Judgement:
    """Before and after; the model is afterwards on its old statistics."""
    if pool is None:
        made.restore()
        return NOT_JUDGED
    return judge(model, made, pool, metric, seed)


def with_statistics(model: nn.Module, held: Weights | None, new: Mapping[str, Tensor]) -> Weights:
    """The checkpoint as it was read, else the model's own weights, with the new statistics in it."""
    if held is None:
        state = model.state_dict()
        for name, value in new.items():
            state[name] = value
        return Weights(state, {k: v for k, v in state.items() if isinstance(v, Tensor)})
    keys = checkpoint.own_names(held, model)
    with torch.no_grad():
        for name, value in new.items():
            # An old checkpoint may have no counter of batches, and gets none.
            if name in keys:
                written = held.state[keys[name]].copy_(value)
                if written.is_floating_point() and not bool(written.isfinite().all()):
                    kind = str(written.dtype).removeprefix("torch.")
                    raise Complaint(
                        f"{name} is too large for the checkpoint's {kind}: save it as float32 first"
                    )
    return held


def text(wanted: Wanted, result: Result, told: list[str], written: bool) -> str:
    """A few aligned lines."""
    rows = [*_made(result), *_judged(result), *_written(wanted, result, told, written)]
    wide = max(len(head) for head, _ in rows) + 2
    lines = [wanted.target]
    for head, body in rows:
        indent = " " * (wide + 2)
        wrapped = textwrap.wrap(body, min(WIDTH, columns()) - wide - 2, break_long_words=False) or [""]
        lines += [f"  {head:<{wide}}{wrapped[0]}", *(indent + more for more in wrapped[1:])]
    return "\n".join(lines)


def _made(result: Result) -> Iterator[tuple[str, str]]:
    made = result.made
    first, *reasons = made.told
    yield "recalibrated", f"{first} of {result.feed}"
    yield "check", made.convergence.told
    for reason in reasons:
        yield "note", reason
    worst = sorted(made.changes, key=lambda one: one.kl if isfinite(one.kl) else float("inf"))[
        : -WORST - 1 : -1
    ]
    longest = max(len(one.module) for one in worst)
    head, told = "were worst" if len(made.changes) > 1 else "was off by", "  (0 is right, 0.01 is off)"
    for one in worst:
        yield head, f"{one.module:<{longest}}  {_off(one)}{told}"
        head = told = ""


def _off(one: Change) -> str:
    if not isfinite(one.kl):
        return "was not finite"
    return f"KL {one.kl:,.0f}" if one.kl >= 10 else f"KL {one.kl:.2g}"


def _judged(result: Result) -> Iterator[tuple[str, str]]:
    judgement, pool = result.judgement, result.pool
    for score in judgement.scores:
        yield score.name, change(score.name, score.reference, score.eval)
    if pool is None or not judgement.scores:
        yield "not judged", judgement.reason
        return
    yield "judged on", f"{pool.samples:,} samples of {pool.name}"
    if judgement.by is None:
        yield "", f"but nothing says which is better: {judgement.reason}"


def _written(wanted: Wanted, result: Result, told: list[str], written: bool) -> Iterator[tuple[str, str]]:
    by = result.judgement.by
    worse = f"{by.name} gets worse" if by is not None and result.judgement.is_worse else ""
    if not written:
        yield "not written", f"{worse}: {wanted.output} was left alone (--force writes it all the same)"
        return
    source = f" from {wanted.checkpoint}" if wanted.checkpoint is not None else ""
    norms = len(result.made.changes)
    differs = (
        f"{len(result.statistics)} buffers of {norms} norm{'s' * (norms > 1)} differ{source}, nothing else"
    )
    forced = f"; although {worse}, as --force says" if worse else ""
    yield "written", f"{wanted.output}: {differs}{forced}"
    for line in told:
        yield "note", line
