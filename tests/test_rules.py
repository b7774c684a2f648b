"""Every page of a rule is held to its word."""

from __future__ import annotations

from pathlib import Path

import pytest

import evalcheck
from evalcheck import conformance, rulebook
from evalcheck.terms import LAYERS


@pytest.mark.parametrize("name", sorted(rulebook.load()))
def test_the_page_holds(name: str) -> None:
    """Its form is kept, and each of its blocks is reported as it says."""
    assert conformance.verify(rulebook.find(name)) == []


@pytest.mark.parametrize("layer", LAYERS)
def test_pages_and_checks_agree(layer: str) -> None:
    """A layer has a check for each rule that names it, and no other."""
    folder = Path(evalcheck.__file__).parent / "checks" / layer
    found = {file.stem.replace("_", "-") for file in folder.glob("*.py") if file.stem != "__init__"}
    assert found == {rule.name for rule in rulebook.load().values() if layer in rule.layers}
