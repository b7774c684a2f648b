"""``evalcheck TARGET...``: a path is read; a model is built, traced and probed."""

from __future__ import annotations

import shlex
import sys
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path

import click

from evalcheck.cli import options
from evalcheck.cli.ending import finish
from evalcheck.cli.options import Choice, Output
from evalcheck.complaint import Complaint, nearest
from evalcheck.finding import Report


@dataclass(frozen=True, slots=True)
class Run:
    """What the user asked for, beyond the target."""

    loader: str | None
    train_loader: str | None
    metric: str | None
    checkpoint: Path | None
    inputs: tuple[str, ...]
    batches: int | None
    passes: int | None
    budget: float | None
    exact: bool
    device: str
    seed: int

    @property
    def for_models(self) -> str | None:
        """The first option that was given and only means something for a model."""
        given = {
            "--checkpoint": self.checkpoint,
            "--loader": self.loader,
            "--train-loader": self.train_loader,
            "--metric": self.metric,
            "--budget": self.budget,
            "--input": self.inputs or None,
        }
        return next((name for name, value in given.items() if value is not None), None)

    def again(self, has_training: bool) -> tuple[str, ...]:
        """The options that ``evalcheck recalibrate`` needs for the same weights and data.

        There ``--loader`` is what feeds: the training batches, or the only ones there are.
        """
        fed, judged = (self.train_loader, self.loader) if has_training else (self.loader, None)
        named = {
            "--loader": fed,
            "--eval-loader": judged,
            "--metric": self.metric,
            "--checkpoint": self.checkpoint,
        }
        return tuple(
            f"{name} {shlex.quote(str(value))}" for name, value in named.items() if value is not None
        )


@click.command()
@click.argument("targets", nargs=-1, required=True, metavar="TARGET...")
@options.loader
@click.option("--train-loader", metavar="T", help="Training batches, likewise.")
@click.option(
    "--metric",
    metavar="T",
    help="A function (outputs, targets) -> number, likewise: shown in both modes; judged by if it has "
    "an attribute higher_is_better (True or False).",
)
@options.given
@click.option("--batches", type=click.IntRange(1), help="How many batches are measured.")
@click.option("--passes", type=click.IntRange(1), help="How many passes in train mode.")
@options.budget
@click.option("--exact", is_flag=True, help="Toggle norms and stochastic modules one by one besides.")
@options.rules
@options.output
def command(targets: tuple[str, ...], choice: Choice, output: Output, **run: object) -> None:
    """Say why a model behaves differently in eval mode.

    TARGET is FILE.py:ATTR or package.module:ATTR, where ATTR is an nn.Module, or a class or a
    function without required arguments that makes one. A path is only read, as by `evalcheck lint`.

    Several targets are reported one after another, and the exit status is the worst of theirs. As
    JSON, one target is one document; several are an array of documents, one per target.
    """
    wanted = Run(**run)  # type: ignore[arg-type]
    reports = [_report(target, wanted, choice, output) for target in targets]
    click.get_current_context().exit(finish(reports, output))


def _report(target: str, run: Run, choice: Choice, output: Output) -> Report:
    if Path(target).exists():
        if (useless := run.for_models) is not None:
            raise Complaint(f"{useless} is for models, and {target} is a path, which is only read: add :ATTR")
        from evalcheck import checkup
        from evalcheck.cli import unbuilt

        read = checkup.lint([Path(target)], choice.settings(Path(target)))
        return replace(read, notes=(*read.notes, *unbuilt.note(Path(target))))
    if ":" not in target:
        known = click.get_current_context().find_root().command
        names = known.list_commands(click.get_current_context()) if isinstance(known, click.Group) else []
        raise Complaint(
            f"{target} does not exist{nearest(target, names)}; "
            "a target is a path, FILE.py:ATTR or package.module:ATTR"
        )
    return _check(target, run, choice, output)


def _check(spec: str, run: Run, choice: Choice, output: Output) -> Report:
    from evalcheck.cli import imports

    source = Path(spec.rpartition(":")[0])
    settings = choice.settings(source if source.exists() else Path.cwd())
    imports.need_torch()

    from evalcheck import checkup
    from evalcheck.cli import checkpoint, inputs, loaders, progress, seeds, target

    made = inputs.make(run.inputs, run.seed)
    seeds.plant(run.seed)
    found = target.load(spec)
    if run.checkpoint is not None:
        checkpoint.load(found.model, run.checkpoint)
    data = loaders.load(found.named, run.loader, run.train_loader)
    metric = loaders.metric(found.named, run.metric)
    # What the user's own forward prints must not stand among the findings.
    with redirect_stdout(sys.stderr), progress.bar(output.quiet) as advance:
        report = checkup.check(
            found.model,
            data.eval,
            data.train,
            metric=metric,
            settings=settings,
            device=run.device,
            seed=run.seed,
            batches=run.batches,
            passes=run.passes,
            budget=run.budget,
            exact=run.exact,
            inputs=made,
            target=found.name,
            files=found.files,
            notes=data.notes,
            progress=advance,
        )
    return replace(report, given=run.again(data.train is not None))
