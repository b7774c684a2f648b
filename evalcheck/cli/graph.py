"""``evalcheck graph TARGET``: the traced model, folded to modules; train and eval compared."""

from __future__ import annotations

import sys
from contextlib import redirect_stdout
from pathlib import Path

import click

from evalcheck.cli import options
from evalcheck.cli.ending import columns, put, say, wants_color
from evalcheck.complaint import Complaint
from evalcheck.drawing import FORMATS, render
from evalcheck.picture import Picture, View


@click.command()
@click.argument("target", metavar="TARGET")
@click.option(
    "--mode",
    "view",
    type=click.Choice(["train", "eval", "diff"]),
    default="diff",
    show_default=True,
    help="The forward in one mode, or both laid over each other.",
)
@click.option("--depth", type=click.IntRange(1), metavar="N", help="Levels of modules that are drawn open.")
@options.loader
@options.given
@click.option(
    "--format",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="A tree, Graphviz, a picture.",
)
@options.drawn
def command(
    target: str,
    format: str,
    depth: int | None,
    output: Path | None,
    color: str,
    quiet: bool,
    verbose: bool,
    **run: object,
) -> None:
    """Draw a model as it ran: its modules, what flows between them, and where train and eval mode differ.

    TARGET is FILE.py:ATTR or package.module:ATTR, as for `evalcheck check`. What is repeated is
    folded until the drawing fits a screen; --depth N and -v unfold it.
    """
    picture = _picture(target, **run)  # type: ignore[arg-type]
    if not picture.boxes:
        raise Complaint(f"{target} could not be traced: {'; '.join((*picture.gaps, *picture.notes))}")
    colored = output is None and wants_color(color)
    text = render(picture, format, depth=depth, color=colored, width=columns(), quiet=quiet, verbose=verbose)
    put(text, output, color=colored, said="" if quiet else "the drawing")
    for gap in picture.gaps:
        say(gap)


def _picture(
    spec: str,
    view: View,
    loader: str | None,
    checkpoint: Path | None,
    inputs: tuple[str, ...],
    device: str,
    seed: int,
) -> Picture:
    from evalcheck.cli import attributes, imports

    attributes.split(spec)
    imports.need_torch()
    from evalcheck.checkup import tracing
    from evalcheck.cli import checkpoint as weights
    from evalcheck.cli import inputs as made_up
    from evalcheck.cli import loaders, seeds, target

    made = made_up.make(inputs, seed)
    seeds.plant(seed)
    found = target.load(spec)
    if checkpoint is not None:
        weights.load(found.model, checkpoint)
    data = loaders.load(found.named, loader, None)
    notes = [note for note in data.notes if not note.startswith("training")]
    if loader is not None:
        notes.append(f"The input is the first batch of {loader}")
    # What the user's own forward prints must not stand in the drawing.
    with redirect_stdout(sys.stderr):
        return tracing.draw(
            found.model, data.eval, view=view, device=device, seed=seed, inputs=made, title=spec, notes=notes
        )
