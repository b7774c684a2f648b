"""What the rule's page advises, for every format that shows it."""

from __future__ import annotations

from evalcheck import rulebook


def cure_of(rule: str) -> str:
    """The page's one sentence of advice."""
    return rulebook.find(rule).cure
