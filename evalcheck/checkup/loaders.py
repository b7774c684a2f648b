"""The loader layer's questions: both loaders, each in its role, with the norms that training reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from evalcheck import checks, engine, graph
from evalcheck.engine import Answers
from evalcheck.loader import LoaderView, Norm
from evalcheck.settings import Settings


def look(
    answers: Answers,
    settings: Settings,
    both: tuple[Iterable[Any] | None, Iterable[Any] | None],
    model: graph.ModelGraph,
    samples: int | None,
    step: Callable[[str], None],
) -> None:
    """Ask every rule of the layer about the evaluation loader, and about the training loader if any.

    ``samples`` is the number of samples in the batch that the model was traced with.
    """
    loader, train_loader = both
    if loader is None:
        engine.skip(answers, settings, "loader", "no loader was given")
        return
    for view in views(loader, train_loader, model, samples):
        whose = "loader" if view.role == "eval" else "training loader"
        step(f"reading the {whose}")
        engine.ask(answers, settings, "loader", view, checks.find)


def views(
    loader: Any, train_loader: Any, model: graph.ModelGraph | None = None, samples: int | None = None
) -> list[LoaderView]:
    """A view for each loader; they know each other, and the norms of the model."""
    evaluation = LoaderView(loader, "eval")
    size = evaluation.plan.batch_size
    # More samples than the loader puts together: what stands first in its tensors is something else.
    told = model is not None and samples is not None and not (size and samples > size)
    norms = evaluation.norms = reached(model, samples) if told and model and samples else None
    if train_loader is None:
        return [evaluation]
    evaluation.other = LoaderView(train_loader, "train", other=evaluation, norms=norms)
    return [evaluation, evaluation.other]


def reached(model: graph.ModelGraph, samples: int) -> list[Norm] | None:
    """The batch norms that use the statistics of a batch in train mode; None where none could be traced."""
    trace = model.train
    if trace is None or not trace.shaped:
        return None
    norms: dict[str, Norm] = {}
    for call in trace.sequence:
        # A synchronised norm has the samples of all processes.
        if call.samples is None or not call.training or call.class_name == "SyncBatchNorm":
            continue
        # What does not grow with the batch, such as a table of prototypes, is not the loader's matter.
        if call.shapes[0][0] % samples:
            continue
        values = call.samples // samples
        if call.path not in norms or values < norms[call.path].values:
            norms[call.path] = Norm(model.place(call.path), values, len(call.shapes[0]) == 2)
    return list(norms.values())
