"""Examines one model as ``evalcheck FILE:build_model`` does, and notes what came of it.

Runs in a process of its own, which reads names and writes one line of JSON for each.
"""

from __future__ import annotations

import random
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from datetime import date
from typing import Any

import numpy
import torch
from torch import Tensor, nn

import evalcheck
from evalcheck import graph
from evalcheck.checkup import check
from evalcheck.finding import Finding, Report
from evalcheck.guard import untouched
from evalcheck.inputs import choose
from evalcheck.settings import Settings
from menagerie import libraries

# A check runs some 30 forwards. What would take longer than this is given two samples instead of eight.
PATIENCE = 8.0
FORWARDS = 30

Note = dict[str, Any]


class _Watched:
    """Keeps the graph that the check reads, and what ran the model for it."""

    def __init__(self) -> None:
        self.view: graph.ModelGraph | None = None
        self.run: Callable[[nn.Module], Any] | None = None
        self._read = graph.read

    def __call__(self, model: nn.Module, run: Any, **options: Any) -> graph.ModelGraph:
        self.run = run
        self.view = self._read(model, run, **options)
        return self.view


def examine(library: str, name: str, inputs: Sequence[Tensor] = ()) -> Note:
    """Build and check one model. Nothing is raised: what went wrong is part of the note."""
    note: Note = {"library": library, "name": name, "date": date.today().isoformat(), **_versions(library)}
    _plant()
    try:
        model = libraries.build(library, name)
    except Exception as error:
        return {**note, "built": False, "exception": _told(error)}
    note |= {"built": True, "parameters": sum(p.numel() for p in model.parameters())}
    inputs = inputs or _smaller(model, note)
    watched = _Watched()
    graph.read = watched  # type: ignore[assignment]
    start = time.perf_counter()
    try:
        report = check(model, settings=Settings(), inputs=inputs, target=name)
    except Exception as error:
        shown = isinstance(error, evalcheck.Complaint)
        return {**note, "complaint" if shown else "exception": _told(error)}
    finally:
        graph.read = watched._read  # type: ignore[assignment]
    note["seconds"] = round(time.perf_counter() - start, 2)
    return {**note, **_of_report(report), **_of_traces(watched), "plain": _plain(model, watched)}


def _plant() -> None:
    torch.manual_seed(0)
    random.seed(0)
    numpy.random.seed(0)


def _versions(library: str) -> Note:
    from importlib.metadata import version

    return {"versions": {p: version(p) for p in ("torch", library)}}


def _told(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"[:600]


def _smaller(model: nn.Module, note: Note) -> Sequence[Tensor]:
    """The first two of the eight samples that evalcheck makes up, where all would take too long."""
    batch = None if note["library"] == "transformers" else choose(model).batch
    if batch is None or batch.kwargs or batch.size != 8:
        return ()
    with untouched(model), torch.no_grad():
        model.eval()
        start = time.perf_counter()
        try:
            batch.rows(torch.tensor([0])).run(model)
        except Exception:
            return ()
    if (time.perf_counter() - start) * 8 * FORWARDS < PATIENCE:
        return ()
    two = batch.rows(torch.tensor([0, 1]))
    note["smaller"] = two.shapes()
    return tuple(two.args)


def _of_report(report: Report) -> Note:
    return {
        "notes": list(report.notes),
        "faults": list(report.faults),
        "gaps": sorted({f"{gap.layer}: {gap.rule}: {gap.reason}" for gap in report.gaps}),
        "findings": [_finding(finding) for finding in report.findings],
    }


def _finding(finding: Finding) -> Note:
    place = finding.place
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "layer": finding.sightings[0].layer,
        "message": finding.message,
        "module": place.module,
        "line": f"{place.span.path}:{place.span.line}" if place.span else None,
        "others": sum(len(sighting.others) for sighting in finding.sightings),
    }


def _of_traces(watched: _Watched) -> Note:
    view = watched.view
    if view is None:
        return {"traced": {}, "refusals": {}}
    traces = {mode: trace for mode, trace in (("train", view.train), ("eval", view.eval)) if trace}
    return {
        "fresh": view.fresh,
        "ran": watched.run is not None,
        "traced": {mode: trace.complete and trace.shaped for mode, trace in traces.items()},
        "nodes": {mode: len(trace.graph.nodes) for mode, trace in traces.items()},
        "refusals": dict(view.refusals),
        "holes": sorted({f"{hole.path}: {hole.reason}" for hole in view.holes}),
    }


def _plain(model: nn.Module, watched: _Watched) -> float | None:
    """Seconds of one more eval forward, nobody watching."""
    if watched.run is None:
        return None
    with untouched(model), torch.no_grad():
        model.eval()
        start = time.perf_counter()
        try:
            watched.run(model)
        except Exception:
            return None
        return round(time.perf_counter() - start, 4)


def serve() -> None:
    """Names on standard input, ``library name`` a line; notes on standard output."""
    import json
    import os

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with os.fdopen(os.dup(1), "w", encoding="utf8") as told, open(os.devnull, "w", encoding="utf8") as none:
        for line in sys.stdin:
            library, name = line.split()
            with redirect_stdout(none), redirect_stderr(none):
                note = examine(library, name)
            print(json.dumps(note), file=told, flush=True)
