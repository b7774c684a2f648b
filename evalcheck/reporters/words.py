"""The few words of the trade that a report needs, each explained once, where it is first met."""

from __future__ import annotations

import re

WORDS = {
    r"running statistics|stored mean and variance": (
        "Running statistics: the mean and variance of each channel that a batch norm stores in training, and "
        "that eval mode uses in place of the batch's own."
    ),
    r"output's variance|of its variance": (
        "The output's variance: how much the outputs differ from sample to sample. 0% is no difference; 100% "
        "is as far off as one average answer for every sample."
    ),
    r"\bKL\b": (
        "KL: how far apart two distributions are. 0 is no difference; beyond 0.01 statistics count as wrong."
    ),
    r"[Rr]ecalibrat": (
        "Recalibrate: recompute the running statistics in one pass over training data. No weight changes."
    ),
    r"\bEMA\b": "EMA: an exponential moving average, here of the model's weights over the steps of training.",
}


class Glossary:
    """Remembers what was explained in one report; one that is switched off explains nothing."""

    def __init__(self, on: bool = True) -> None:
        self._left = dict(WORDS) if on else {}

    def explain(self, *texts: str) -> list[str]:
        """A line for each word that these texts are the first to use."""
        told = "\n".join(texts)
        met = [pattern for pattern in self._left if re.search(pattern, told)]
        return [self._left.pop(pattern) for pattern in met]
