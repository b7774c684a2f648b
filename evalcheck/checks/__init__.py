"""The judgement: one function per rule and layer, found by its file's name.

``checks/<layer>/<rule_name>.py`` defines ``check(subject, options)``, which yields sightings.
A new rule is a page and a check; nothing else is edited.
"""

from __future__ import annotations

from importlib import import_module
from typing import cast

from evalcheck.engine import Check
from evalcheck.terms import Layer


def find(layer: Layer, rule: str) -> Check:
    """The check of a rule for a layer. Only this import may bring in torch."""
    module = import_module(f"{__name__}.{layer}.{rule.replace('-', '_')}")
    return cast("Check", module.check)
