"""Modules kept in a plain collection, where torch does not see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.containers.collections_of_modules import kept_out_of_sight
from evalcheck.source.containers.registration import Registration


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each attribute of a module that keeps modules in a plain collection."""
    registration = Registration(file)
    for kept in kept_out_of_sight(file):
        quotes: tuple[Quote, ...] = ()
        if kept.element.lineno != kept.store.lineno:
            quotes = (Quote(file.place(kept.element), "a module is put into it here"),)
        yield Sighting(
            layer="source",
            place=file.place(kept.store),
            message=(
                f"self.{kept.store.attr} keeps modules in a plain collection, where torch does not see "
                f"them: train(), eval(), to(), parameters() and state_dict() pass them by. "
                f"Use nn.ModuleList or nn.ModuleDict."
            ),
            evidence=quotes,
            subject=kept.store.attr,
            fix=registration.fix(kept),
        )
