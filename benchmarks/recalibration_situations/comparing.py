"""Runs every tool on every situation and says, row by row, whether evalcheck's is best or equal."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from recalibration_situations import damage
from recalibration_situations.case import Case, Situation
from recalibration_situations.exact import error, exact
from recalibration_situations.tools import IN_PARTS, OURS, Tool

BEFORE, EXACT = "before", "exact"
# Errors so near to each other, in % of a standard deviation, and losses, in nats, are called equal. The
# standard error of a loss on 500 test images is larger.
EQUAL_ERROR, EQUAL_LOSS = 0.25, 0.01


@dataclass(frozen=True)
class Done:
    """What a tool made of one model: nan where it raised ``words``; ``runs`` is whether the model still does.

    ``cost`` is its CPU time in plain eval passes over the same loader; ``left`` what it left behind;
    ``moved`` whether the statistics are other than before.
    """

    error: float
    loss: float
    accuracy: float
    words: str = ""
    left: tuple[str, ...] = ()
    moved: bool = False
    runs: bool = True
    cost: float = math.nan


@dataclass(frozen=True)
class Row:
    """One situation: by tool, what it did with each seed's model."""

    situation: Situation
    done: dict[str, list[Done]]

    def mean(self, tool: str, what: str) -> float:
        """Over the seeds; nan where the tool raised with one of them."""
        values = [getattr(done, what) for done in self.done[tool]]
        return math.nan if self.raised(tool) else sum(values) / len(values)

    def raised(self, tool: str) -> bool:
        return any(done.words for done in self.done[tool])

    def verdict(self, what: str, equal: float) -> str:
        """``best`` is better than every other tool, ``equal`` no worse than any, by more than ``equal``.

        Ours must not lose where memory is small, either.
        """
        others = [tool for tool in self.done if tool not in (BEFORE, EXACT, OURS, IN_PARTS)]
        if self.situation.shared:
            return "refused" if self.refuses_well(others) else "LOST"
        rivals = [self.mean(tool, what) for tool in others if not self.raised(tool)]
        ours, in_parts = self.mean(OURS, what), self.mean(IN_PARTS, what)
        worst = max(ours, in_parts) if ours == ours and in_parts == in_parts else math.inf
        if any(math.isnan(rival) or rival < worst - equal for rival in rivals) or worst == math.inf:
            return "LOST"
        return "best" if all(rival > ours + equal for rival in rivals) else "equal"

    def refuses_well(self, others: Sequence[str]) -> bool:
        """It refuses, nothing is changed, and nobody gives back half of what exact statistics would."""
        ours = [*self.done[OURS], *self.done[IN_PARTS]]
        kept = all(d.words.startswith("Complaint") and not d.left and not d.moved and d.runs for d in ours)
        before, best = self.mean(BEFORE, "loss"), self.mean(EXACT, "loss")
        cured = [tool for tool in others if before - self.mean(tool, "loss") > (before - best) / 2]
        return kept and not cured

    @property
    def leaves_nothing(self) -> bool:
        """Whether ours leaves nothing behind; counters of batches belong to the statistics."""
        return not {part for done in self.done[OURS] for part in done.left if not part.startswith("counters")}


def compared(situation: Situation, tools: dict[str, Tool], seeds: int) -> Row:
    """The whole row; every tool meets the same models, and loaders that shuffle alike."""
    found: dict[str, list[Done]] = {BEFORE: [], EXACT: [], **{name: [] for name in tools}}
    for seed in range(seeds):
        case = situation.make(seed)
        truth, best = exact(case)
        found[BEFORE].append(Done(error(case.model, truth), *case.judged(copy.deepcopy(case.model))))
        found[EXACT].append(Done(error(best, truth), *case.judged(best)))
        plain = _seconds(lambda case=case: _pass(case))
        for name, tool in tools.items():
            found[name].append(_done(tool, case, seed, truth, plain))
    return Row(situation, found)


def _done(tool: Tool, case: Case, seed: int, truth: dict, plain: float) -> Done:
    model, words = copy.deepcopy(case.model), ""
    torch.manual_seed(seed)
    before, old = damage.fingerprint(model), damage.statistics(model)
    start = time.process_time()
    try:
        with case.around():
            tool(model, case)
    except Exception as caught:
        words = f"{type(caught).__name__}: {caught}"
    took = time.process_time() - start
    left, moved = damage.changed(before, damage.fingerprint(model)), damage.statistics(model) != old
    off = error(model, truth)
    try:
        judged, runs = case.judged(model), True
    except Exception:
        judged, runs = (math.nan, math.nan), False
    return Done(off, *judged, words, left, moved, runs, took / plain)


@torch.no_grad()
def _pass(case: Case) -> None:
    """One plain pass in eval mode over the loader."""
    model: nn.Module = copy.deepcopy(case.model)
    with case.around():
        for batch in case.feed:
            case.call(model, batch)


def _seconds(work: Callable[[], None]) -> float:
    """CPU seconds, the least of three: the first may load code."""
    found = []
    for _ in range(3):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)
