"""A training script that draws random numbers and seeds nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_training_script, is_unit_test
from evalcheck.source.seeds.draws import draws, may_be_seeded


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report a script once, at what draws first."""
    if "backward(" not in file.text or not is_training_script(file):
        return
    if is_unit_test(file) or may_be_seeded(file):
        return
    for call, what in draws(file):
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=(
                f"Here {what}, and nothing in this script sets a seed, so that no run can be repeated and "
                f"two runs differ by chance as well as by what was changed: call torch.manual_seed first."
            ),
        )
        return
