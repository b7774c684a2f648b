"""What ``evalcheck recalibrate`` made, in words for people."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from evalcheck.cli.ending import columns
from evalcheck.recalibration import Change, Recalibration
from evalcheck.recalibration.judging import Judgement
from evalcheck.reporters.numbers import change

if TYPE_CHECKING:
    from torch import Tensor

    from evalcheck.cli.loaders import Data
    from evalcheck.cli.recalibrate import Wanted
    from evalcheck.probe import Pool

WORST, WIDTH = 3, 100


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


def text(wanted: Wanted, result: Result, ending: Iterable[tuple[str, str]]) -> str:
    """A few aligned lines, of which the ``ending`` says what became of the file."""
    rows = [*_made(result), *_judged(result, wanted.target), *ending]
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


def _judged(result: Result, target: str) -> Iterator[tuple[str, str]]:
    judgement, pool = result.judgement, result.pool
    for score in judgement.scores:
        yield score.name, change(score.name, score.reference, score.eval)
    if pool is None or not judgement.scores:
        yield "not judged", judgement.reason
        return
    yield "judged on", f"{pool.samples:,} samples of {pool.name}"
    if judgement.guesses:
        # Held-out training samples are like the training data.
        foreign = not pool.name.startswith(result.feed)
        unlike = f": it learned little, or they are unlike the training data (`evalcheck {target}` tells)"
        yield "but", f"{judgement.reason}{unlike if foreign else ''}"
    elif judgement.by is None:
        yield "", f"but nothing says which is better: {judgement.reason}"


def written(
    wanted: Wanted, result: Result, differing: Sequence[str], told: Sequence[str]
) -> Iterator[tuple[str, str]]:
    """Lines on the file; ``differing`` names the buffers in it that are not as they were."""
    source = f" from {wanted.checkpoint}" if wanted.checkpoint is not None else ""
    buffers, norms = len(differing), len({name.rpartition(".")[0] for name in differing})
    differs = (
        f"{buffers} buffer{'s' * (buffers > 1)} of {norms} norm{'s' * (norms > 1)} "
        f"differ{'s' * (buffers == 1)}{source}, nothing else"
    )
    forced = f"; although {_worse(result)}, as --force says" if _worse(result) else ""
    yield "written", f"{wanted.output}: {differs if differing else f'nothing differs{source}'}{forced}"
    for line in told:
        yield "note", line


def left_alone(wanted: Wanted, result: Result) -> Iterator[tuple[str, str]]:
    """The line on the file that was not written."""
    yield "not written", f"{_worse(result)}: {wanted.output} was left alone (--force writes it all the same)"


def _worse(result: Result) -> str:
    by = result.judgement.by
    return f"{by.name} gets worse" if by is not None and result.judgement.is_worse else ""
