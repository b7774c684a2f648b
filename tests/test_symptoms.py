"""A measured symptom joins the cause that was traced where it was measured."""

from __future__ import annotations

import pytest

from evalcheck import rulebook
from evalcheck.finding import Place, Sighting, Strength
from evalcheck.rulebook import Rule
from evalcheck.symptoms import explained
from evalcheck.terms import Layer

SYMPTOM, CAUSE = rulebook.find("nondeterministic-eval"), rulebook.find("random-op-ungated")


def seen(layer: Layer, module: str | None, strength: Strength = "usual") -> list[Sighting]:
    return [Sighting(layer, Place(module=module), f"Seen by the {layer}.", strength=strength)]


def merged(symptom: str | None, cause: str, layer: Layer = "graph") -> dict[Rule, list[list[Sighting]]]:
    return explained({SYMPTOM: [seen("probe", symptom)], CAUSE: [seen(layer, cause, "slight")]})


@pytest.mark.parametrize(
    ("symptom", "cause"), [("", "a.b"), (None, "a"), ("a", "a"), ("a", "a.b"), ("a", "a[0].b")]
)
def test_measurement_goes_to_the_cause_at_its_module_or_inside(symptom: str | None, cause: str) -> None:
    """The cause's place and words stay, the measurement makes it grave."""
    found = merged(symptom, cause)
    assert found[SYMPTOM] == []
    (group,) = found[CAUSE]
    assert [(s.layer, s.strength, s.place.module) for s in group] == [
        ("graph", "slight", cause),
        ("probe", "grave", cause),
    ]
    assert group[1].message == "Seen by the graph. Measured: seen by the probe."


@pytest.mark.parametrize(
    ("symptom", "cause", "layer"), [("a", "ab", "graph"), ("a.b", "a", "graph"), ("", "a", "source")]
)
def test_symptom_elsewhere_or_of_what_was_only_read_stays(symptom: str, cause: str, layer: Layer) -> None:
    """Another module may be noisy for another reason; what was only read need not have run."""
    found = merged(symptom, cause, layer)
    assert len(found[SYMPTOM]) == 1
    assert len(found[CAUSE][0]) == 1


def test_pages_name_rules_that_there_are() -> None:
    """And rules that the tracer looks for: others could never be met."""
    for rule in rulebook.load().values():
        for name in rule.explained_by:
            assert "graph" in rulebook.find(name).layers
