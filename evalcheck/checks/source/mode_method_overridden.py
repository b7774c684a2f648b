"""A train() or eval() of a module that does not do what torch's does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.switches.mode_methods import overrides, return_self

MESSAGES = {
    "signature": (
        "{name}() of this module cannot be called as torch calls it: eval() calls train(False), and a parent "
        "module calls train(mode) on its children. Give it another name, or take mode=True and call "
        "super().train(mode)."
    ),
    "arguments": (
        "eval() of this module needs arguments, so that model.eval() fails, and nothing else puts the module "
        "in eval mode but train(False). Give the method another name."
    ),
    "inert": (
        "{name}() of this module neither calls super() nor returns the module: the flag of this module does "
        "not change, and code such as model = model.{name}() gets None."
    ),
    "returns": (
        "{name}() of this module returns nothing where torch's returns the module, so that code such as "
        "model = model.{name}() gets None. End it with return self."
    ),
    "replaced": (
        "This puts something else in the place of the module's method {name}(): eval() calls train(False), "
        "and after this line it fails or does nothing. Keep the switch under another name."
    ),
}


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each override that cannot be called, switches nothing, or returns nothing."""
    if is_unit_test(file):
        return
    for override in overrides(file):
        yield Sighting(
            layer="source",
            place=file.place(override.node),
            message=MESSAGES[override.fault].format(name=override.name),
            strength="slight" if override.for_another else "usual",
            fix=return_self(file, override),
        )
