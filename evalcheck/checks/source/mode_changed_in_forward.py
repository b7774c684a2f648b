"""A forward that switches modes itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.switches.mode_switches import (
    Switch,
    for_inference_only,
    for_training,
    set_before,
    switches_in_forward,
)


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report switches of the module itself, and of its parts into train mode."""
    if is_unit_test(file):
        return
    switches = list(switches_in_forward(file))
    for switch in switches:
        itself = switch.target == switch.function.receiver
        if not itself and (switch.to_train is not True or "drop" in switch.target):
            continue  # a frozen part is put in eval mode; a dropout that stays on is another rule's business
        if switch.to_train is False and for_inference_only(switch.function):
            continue
        milder = (itself and switch.to_train is False) or for_training(switch) or set_before(switch, switches)
        yield Sighting(
            layer="source",
            place=file.place(switch.node),
            message=_message(switch, itself),
            strength="slight" if milder else "usual",
        )


def _message(switch: Switch, itself: bool) -> str:
    what = "the module" if itself else switch.target
    mode = {True: "in train mode", False: "in eval mode", None: "in another mode"}[switch.to_train]
    whatever = "what train() and eval() of the caller set is lost"
    return (
        f"Running forward puts {what} {mode}, so that {whatever}, for the next forward too. "
        f"Set modes from outside, and in forward only read self.training."
    )
