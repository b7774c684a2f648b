"""What a metric that the user handed over is called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

# What evalcheck calls its own scores, and what says nothing.
OWN = ("accuracy", "loss", "squared error")
UNNAMED = "metric"


def of_metric(metric: Callable[..., Any] | None) -> str:
    """``f1_score`` of a function, ``MulticlassAccuracy`` of an object of that class; else ``metric``.

    Of a partial it is that of the function inside. A name that evalcheck gives to its own scores is told
    apart: ``metric accuracy``.
    """
    while isinstance(metric, functools.partial):
        metric = metric.func
    found = getattr(metric, "__name__", None) or type(metric).__name__
    name = found.strip("_") if isinstance(found, str) else ""
    if metric is None or not name.isidentifier():
        return UNNAMED
    return f"metric {name}" if name.lower() in OWN else name
