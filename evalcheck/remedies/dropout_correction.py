"""Take dropout's noise out of the running variances by its closed form, norm after norm.

running_var * Var_eval / (Var_eval + added), where ``added`` is what the masks put there (the law of total
variance, of which Li et al., arXiv 1801.05134, Eq. 8 and 13 are special cases; see
:mod:`evalcheck.probe.statistics.dropout_shift`). The ratio, and not ``running_var - added``: the two would
come from different states of the layers in front, and the difference can be worse than nothing.

Exact for the noise of the dropout right in front of a norm, and for nothing that comes from farther away. So
it is offered where the measured widening is that of the dropout in front, and each norm is measured behind
norms that are corrected already: all in one forward, since a norm is corrected before it is run.
"""

from __future__ import annotations

from math import log

import torch
from torch import Tensor

from evalcheck import rulebook
from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.probe import Trial
from evalcheck.probe.running import modes
from evalcheck.probe.statistics.dropout_shift import Predicted, predicted
from evalcheck.remedies.outcome import Outcome

TITLE = "correcting the running variances by the dropout rate (closed form, a few unlabelled inputs)"

# Samples that the means are taken over.
SAMPLES = 256
# Measured against predicted widening, as logarithms: beyond a fifth other noise is at work.
FITS = 0.2
SHOWN = 3


def run(trial: Trial) -> Outcome:
    """Eval mode on the held samples with corrected variances. One forward, and one of up to 256 samples."""
    if not trial.has_norms:
        raise Unanswerable("there is no batch norm with running statistics")
    fitting = _fitting(trial)
    if not fitting:
        raise Unanswerable("no norm's noise is that of the dropout right in front of it")
    found = _corrected(trial, fitting)

    def mode(model: object) -> None:
        modes.evaluating(trial.model)
        for path, variance in found.items():
            held = trial.norms[path].running_var
            assert held is not None
            held.copy_(variance)

    return Outcome(trial.passes.rows(trial.held, mode), told=_told(trial, fitting))


def _fitting(trial: Trial) -> list[str]:
    """The norms whose widening is what the dropout in front of them makes."""
    found = []
    for reading in trial.layers:
        ratio, foretold = reading.dropout_ratio, reading.dropout_predicted
        if ratio and foretold and ratio > 0 and abs(log(ratio / foretold)) < FITS * abs(log(foretold)) + 0.02:
            found.append(reading.module)
    return found


def _corrected(trial: Trial, fitting: list[str]) -> dict[str, Tensor]:
    """Running variances (C,) of these norms, each measured in eval mode behind corrected ones."""
    feed, found = trial.feed, {}
    batch = (
        feed.batches[0] if feed.whole is None else feed.whole.rows(torch.arange(min(SAMPLES, feed.samples)))
    )

    def correct(path: str, expected: Predicted, x: Tensor) -> None:
        if path not in fitting or path in found:
            return
        norm = trial.norms[path]
        assert norm.running_var is not None
        flat = x.detach().transpose(0, 1).flatten(1).float()
        quiet = flat.var(1, correction=0) + norm.eps
        found[path] = norm.running_var * (quiet / (quiet + expected.added.to(quiet))).to(norm.running_var)
        norm.running_var.copy_(found[path])

    with untouched(trial.model, parameters=False), torch.no_grad():
        modes.evaluating(trial.model)
        with trial.passes.answerable(modes.evaluating):
            predicted(trial.model, trial.norms, lambda: trial.run.forward(batch), correct)
    return found


def _told(trial: Trial, fitting: list[str]) -> str:
    """Which norms were corrected, and which are widened and were not."""
    limit = float(rulebook.find("dropout-before-batchnorm").options["ratio"])
    left = [r.module for r in trial.layers if (r.dropout_ratio or 1.0) >= limit and r.module not in fitting]
    if not left:
        return ""
    why = "left as they are, since the dropout right in front does not explain how far they are widened"
    return f"corrected: {_named(fitting)}; {why}: {_named(left)}"


def _named(paths: list[str]) -> str:
    more = len(paths) - SHOWN
    return ", ".join(paths[:SHOWN]) + (f" and {more} more" if more > 0 else "")
