"""``evalcheck recalibrate TARGET``: new running statistics for a model, written to a file."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalcheck.cli import options
from evalcheck.cli.ending import say
from evalcheck.complaint import Complaint
from evalcheck.verdict import CLEAN, FOUND

if TYPE_CHECKING:
    from torch import device, nn

    from evalcheck.cli.loaders import Data
    from evalcheck.cli.recalibrated import Result
    from evalcheck.cli.target import Target
    from evalcheck.probe import Pool
    from evalcheck.recalibration import Aside

# Samples that judge at most.
JUDGED = 2_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for."""

    target: str
    loader: str | None
    eval_loader: str | None
    metric: str | None
    checkpoint: Path | None
    output: Path
    force: bool
    samples: int
    batches: int | None
    device: str
    seed: int


@click.command()
@click.argument("target", metavar="TARGET")
@click.option("--loader", metavar="T", help="Training batches: ATTR of the target's module, or FILE.py:ATTR.")
@click.option("--eval-loader", metavar="T", help="Batches that judge, likewise; else a part of --loader.")
@click.option("--metric", metavar="T", help="A function (outputs, targets) -> number, likewise, to judge by.")
@click.option("--checkpoint", type=click.Path(path_type=Path), metavar="IN", help="Weights to load first.")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="OUT",
    required=True,
    help="What is written: OUT.safetensors, or OUT.pt, .pth, .bin or .ckpt.",
)
@click.option("--force", is_flag=True, help="Write over a file that exists, and also what got worse.")
@click.option(
    "--samples", type=click.IntRange(2), default=10_000, show_default=True, help="How many are used."
)
@click.option("--batches", type=click.IntRange(1), help="How many of the loader's batches, instead.")
@options.placed
@click.option("-q", "--quiet", is_flag=True, help="Only what went wrong.")
def command(quiet: bool, **wanted: object) -> None:
    """Recompute the running statistics of the batch norms, and write the weights with them.

    One pass over training data, dropout off, in large shuffled batches. Nothing but the statistics
    differs in what is written. Where the model gets worse, nothing is written, and the exit status is 1.
    """
    status = _recalibrate(Wanted(**wanted), quiet)  # type: ignore[arg-type]
    click.get_current_context().exit(status)


def _recalibrate(wanted: Wanted, quiet: bool) -> int:
    from evalcheck.cli import attributes, imports

    attributes.split(wanted.target)
    imports.need_torch()
    from evalcheck.cli import checkpoint, loaders, new_statistics, recalibrated, saving, seeds, target

    saving.demand_writable(wanted.output, wanted.checkpoint, wanted.force)
    seeds.plant(wanted.seed)
    found = target.load(wanted.target)
    held = checkpoint.load(found.model, wanted.checkpoint) if wanted.checkpoint is not None else None
    data = loaders.load(found.named, wanted.eval_loader, wanted.loader, ("--eval-loader", "--loader"))
    if data.train is None:
        why = "".join(f" ({note})" for note in data.notes if note.startswith("training data"))
        raise Complaint(
            f"no training data{why}: pass --loader T, or define train_loader() in {found.named.source}"
        )
    if held is None:
        _demand_trained(found.model, wanted.target)
    # What the user's own forward prints must not stand among the figures.
    with redirect_stdout(sys.stderr):
        result = _run(wanted, found, data, quiet)
    writes = wanted.force or not result.judgement.is_worse
    if writes:
        differing = new_statistics.differing(found.model, held, result.statistics)
        told = saving.write(new_statistics.written(found.model, held, result.statistics), wanted.output)
        ending = recalibrated.written(wanted, result, differing, told)
    else:
        ending = recalibrated.left_alone(wanted, result)
    if not quiet or not writes:
        click.echo(recalibrated.text(wanted, result, ending))
    elif not result.made.convergence.settled:
        say(result.made.convergence.told)
    return CLEAN if writes else FOUND


def _demand_trained(model: nn.Module, target: str) -> None:
    """Raise :class:`Complaint` for weights that nobody wants written: those that were drawn a moment ago."""
    from evalcheck.graph import freshness
    from evalcheck.graph.module_view import ModuleView

    views = [ModuleView(path, module) for path, module in model.named_modules()]
    if freshness.is_fresh(views):
        raise Complaint(
            f"{target} is freshly initialised: nothing was trained or loaded (--checkpoint FILE does); "
            "nothing was written"
        )


def _run(wanted: Wanted, found: Target, data: Data, quiet: bool) -> Result:
    from evalcheck import recalibration
    from evalcheck.checkup.device import choose, placed
    from evalcheck.cli import loaders, new_statistics, progress, recalibrated

    model, metric = found.model, loaders.metric(found.named, wanted.metric)
    place = choose(wanted.device, model)
    feed = recalibrated.name_of(wanted.loader, data, "training data")
    aside = recalibration.Aside(JUDGED if data.eval is None else 0)
    with placed(model, place), progress.bar(quiet) as advance:
        made = recalibration.recalibrate(
            model,
            data.train or (),
            place=place,
            name=feed,
            batches=wanted.batches,
            samples=wanted.samples,
            seed=wanted.seed,
            through=aside,
            progress=lambda done: advance and advance("recalibrating", done, wanted.samples),
        )
        statistics = new_statistics.named(model, made)
        pool = _pool(wanted, data, found, place, aside)
        judgement = new_statistics.judged(model, made, pool, metric, wanted.seed)
    return recalibrated.Result(made, statistics, judgement, feed, pool)


def _pool(wanted: Wanted, data: Data, found: Target, place: device, aside: Aside) -> Pool | None:
    """What judges: the evaluation data, else the samples of the training data that were set aside."""
    from evalcheck.batch import join
    from evalcheck.cli import recalibrated
    from evalcheck.probe import Pool, draw

    if data.eval is not None:
        name = recalibrated.name_of(wanted.eval_loader, data, "evaluation data")
        return draw(data.eval, found.model, name, device=place, samples=JUDGED, seed=wanted.seed)
    batches = tuple(batch.to(place) for batch in aside.held)
    if not batches:
        return None
    feed = recalibrated.name_of(wanted.loader, data, "training data")
    name = f"{feed} that fed no statistics"
    return Pool(name, batches, join(batches), max(batch.size for batch in batches))
