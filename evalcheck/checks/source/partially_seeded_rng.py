"""A script that seeds some of its random generators and draws from another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_training_script, is_unit_test
from evalcheck.source.seeds.seeding import SEEDS, forgotten


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report the first draw from each generator that was forgotten, or is seeded too late."""
    if not is_training_script(file) or is_unit_test(file):
        return
    for draw in forgotten(file):
        if draw.early:
            message = (
                f"This draws random numbers before {SEEDS[draw.generator]} is called, so it differs from run "
                f"to run although the script is seeded: seed first."
            )
        else:
            message = (
                f"This draws from {_named(draw.generator)}, which the script does not seed although it seeds "
                f"another one, so runs with one seed differ: call {SEEDS[draw.generator]} as well."
            )
        yield Sighting(
            layer="source",
            place=file.place(draw.draw),
            message=message,
            evidence=(Quote(file.place(draw.seeded), "what is seeded"),),
        )


def _named(generator: str) -> str:
    return (
        "Python's own random generator" if generator == "random" else f"the random generator of {generator}"
    )
