"""The door for Python: what ``evalcheck.check`` and ``evalcheck.lint`` do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalcheck import settings as settings_of
from evalcheck.complaint import Complaint
from evalcheck.finding import Report

if TYPE_CHECKING:
    from torch import nn

    from evalcheck.recalibration import Recalibration

NO_TORCH = "this needs torch: pip install 'torch-evalcheck[torch]'"


def check(
    model: nn.Module,
    loader: Iterable[Any] | None = None,
    train_loader: Iterable[Any] | None = None,
    metric: Callable[[Any, Any], Any] | None = None,
    device: str | None = None,
    forward: Callable[[Any, Any], Any] | None = None,
    seed: int = 0,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    allow: Mapping[str, str] | None = None,
    batches: int | None = None,
    passes: int | None = None,
    budget: float | None = None,
    exact: bool = False,
) -> Report:
    """Examine a model: read its source, trace it, look at the loader, probe it in both modes.

    ``loader`` holds evaluation data: any iterable of batches, each a tensor, ``(inputs, targets)``, a
    dict bound to ``forward``'s keywords, or a dataclass; about 512 samples are drawn, or ``batches``
    batches. ``train_loader`` holds training data, from which population statistics are taken; without
    it half of the evaluation data serves. ``metric(output, targets)`` gives a number per batch that is
    better when larger or smaller as its attribute ``higher_is_better`` says, and judges nothing without
    one. ``forward(model,
    batch)`` runs a batch where calling the model does not. ``device`` is ``None`` (where the model is),
    ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``. ``select`` and ``ignore`` name rules or
    families; ``allow`` maps a rule to the reason why what it finds is meant. After ``budget`` seconds the
    model is run no more, and what was not asked is a gap of the report. ``exact`` measures each norm's and
    each stochastic module's part by toggling it alone besides, a run or two for each. The nearest
    ``[tool.evalcheck]`` is honoured.

    The model, its gradients and all random generators are afterwards as they were. Raises
    :class:`evalcheck.Complaint` for input that cannot be worked with.
    """
    try:
        from evalcheck.checkup import examination, in_python
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise Complaint(NO_TORCH) from None
        raise
    chosen = settings_of.load(settings_of.locate(Path.cwd()))
    chosen = chosen.narrowed(tuple(select), tuple(ignore)).allowing(allow or {})
    report = examination.check(
        model,
        loader,
        train_loader,
        metric=metric,
        forward=forward,
        settings=chosen,
        device=device,
        seed=seed,
        batches=batches,
        passes=passes,
        budget=budget,
        exact=exact,
        target=type(model).__name__,
    )
    return in_python.spoken(report)


def recalibrate(
    model: nn.Module,
    loader: Iterable[Any],
    *,
    forward: Callable[[Any, Any], Any] | None = None,
    device: str | None = None,
    batches: int | None = None,
    samples: int = 10_000,
    seed: int = 0,
) -> Recalibration:
    """Give the batch norms the statistics of the data under today's weights, at once and for keeps.

    >>> evalcheck.recalibrate(model, train_loader)              # doctest: +SKIP
    >>> with evalcheck.recalibrate(model, train_loader):        # doctest: +SKIP
    ...     validate(model)                                     # a trial: the old ones come back

    ``loader`` holds training data with its augmentation, as :func:`check` takes it; about ``samples``
    samples are used, or ``batches`` of its batches. They are shuffled and run in batches of 100 or more, as
    large as fit, with every batch norm that ``train()`` wakes on the statistics of its batch and all else
    in eval mode: dropout is off. Mean and variance are those of all values, E[var] + Var[mean] over batches
    in float64 (PreciseBN: Wu and Johnson, arXiv 2105.07576, section 3); the variance is stored with Bessel's
    factor, as torch does. ``forward`` and ``device`` are as in :func:`check`.

    One pass only: repeating it in eval mode on its own result diverges in deep networks (each norm's error is
    the next one's input). What a further pass would change is measured, told, and not applied.

    Nothing else of the model changes but ``num_batches_tracked``: it is raised to where training's moving
    average would have forgotten its start, or with ``momentum=None`` set to the number of the loader's
    batches. An exception or interrupt leaves all as it was. Raises
    :class:`evalcheck.Complaint` for input that cannot be worked with, among it a norm that serves several
    calls per forward whose inputs differ, which no statistics fit.
    """
    try:
        from evalcheck import recalibration
        from evalcheck.checkup.device import choose, placed
        from evalcheck.guard.demands import demand_module
    except ModuleNotFoundError as error:
        if error.name == "torch":
            raise Complaint(NO_TORCH) from None
        raise
    demand_module(model)
    place = choose(device, model)
    with placed(model, place):
        return recalibration.recalibrate(
            model, loader, place=place, forward=forward, batches=batches, samples=samples, seed=seed
        )


def lint(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
) -> Report:
    """Read Python files and folders; nothing of theirs is imported, and torch is not needed."""
    from evalcheck.checkup import reading

    several = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    files = [Path(path) for path in several]
    start = files[0] if files else Path.cwd()
    chosen = settings_of.load(settings_of.locate(start if start.is_dir() else start.parent))
    return reading.lint(files, chosen.narrowed(tuple(select), tuple(ignore)))
