"""A measured symptom joins the cause that was traced where it was measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalcheck import rulebook
from evalcheck.finding import Measure, Place, Sighting, Strength
from evalcheck.rulebook import Rule
from evalcheck.symptoms import explained
from evalcheck.terms import Layer

SYMPTOM, CAUSE = rulebook.find("nondeterministic-eval"), rulebook.find("random-op-ungated")


def seen(layer: Layer, module: str | None, strength: Strength = "usual") -> list[Sighting]:
    return [Sighting(layer, Place(module=module), f"Seen by the {layer}.", strength=strength)]


def merged(symptom: str | None, cause: str, layer: Layer = "graph") -> dict[Rule, list[list[Sighting]]]:
    return explained({SYMPTOM: [seen("probe", symptom)], CAUSE: [seen(layer, cause, "slight")]})


@pytest.mark.parametrize(
    ("symptom", "cause"),
    [("", ""), ("", "a[0].b"), (None, "a"), ("a", "a"), ("a", "a.b"), ("a", "a[0].b")],
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
    ("symptom", "cause", "layer"),
    [("a", "ab", "graph"), ("a.b", "a", "graph"), ("a", "a", "source"), ("", "a.b", "graph")],
)
def test_symptom_elsewhere_or_of_what_was_only_read_stays(symptom: str, cause: str, layer: Layer) -> None:
    """Another module may be noisy for another reason; what was only read need not have run."""
    found = merged(symptom, cause, layer)
    assert len(found[SYMPTOM]) == 1
    assert len(found[CAUSE][0]) == 1


def test_pages_name_rules_that_there_are() -> None:
    """And rules that are traced or measured: others could never be met. None explains itself."""
    for rule in rulebook.load().values():
        for name in rule.explained_by:
            assert {"graph", "loader", "probe"} & set(rulebook.find(name).layers)
        assert rule.name not in causes_of(rule.name)


def causes_of(name: str) -> set[str]:
    """By the pages, directly and through others."""
    found: set[str] = set()
    left = [*rulebook.find(name).explained_by]
    while left:
        cause = left.pop()
        if cause not in found:
            found.add(cause)
            left += rulebook.find(cause).explained_by
    return found


BUFFERS, SIZES = rulebook.find("eval-mutates-buffers"), rulebook.find("batch-size-dependent-eval")
SPLIT, SWITCHED = rulebook.find("mode-split"), rulebook.find("mode-changed-in-forward")


def test_a_measured_cause_tells_of_its_symptoms_in_one_sentence_each() -> None:
    found = explained({SIZES: [seen("probe", "a")], BUFFERS: [seen("probe", "a")]})
    assert found[SIZES] == []
    (group,) = found[BUFFERS]
    assert [s.strength for s in group] == ["usual", "grave"]
    assert group[0].message == "Seen by the probe. Measured: seen by the probe."


@pytest.mark.parametrize(("symptom", "cause"), [("a", "b"), ("", "b"), (None, "b"), ("a", "")])
def test_independent_faults_stay_two(symptom: str | None, cause: str) -> None:
    """What mixes samples in one module, and what writes buffers in another."""
    found = explained({SIZES: [seen("probe", symptom)], BUFFERS: [seen("probe", cause)]})
    assert len(found[SIZES]) == len(found[BUFFERS]) == 1
    assert len(found[BUFFERS][0]) == 1


def test_a_cause_that_was_measured_without_effect_explains_nothing() -> None:
    idle = [replace(seen("probe", "a")[0], evidence=(Measure("effect", 0.0, limit=1e-5),))]
    for cause in (seen("probe", "a", "cleared"), idle):
        assert len(explained({SIZES: [seen("probe", "a")], BUFFERS: [cause]})[SIZES]) == 1


def test_symptoms_of_a_symptom_meet_at_the_first_cause() -> None:
    """A forward that calls train() wakes modules, which makes eval noisy and couples samples."""
    switched = replace(seen("probe", "a")[0], others=(Place(module="a.1"),))
    found = explained(
        {
            SIZES: [seen("probe", "a.1")],
            SYMPTOM: [seen("probe", "a.1")],
            SPLIT: [seen("graph", "a.1")],
            SWITCHED: [[switched]],
        }
    )
    assert found[SIZES] == found[SYMPTOM] == found[SPLIT] == []
    (group,) = found[SWITCHED]
    assert len(group) == 4
    assert next(s for s in group if s.layer == "probe").message.count("een by the probe.") == 3


def test_a_traced_symptom_stays_where_its_cause_does_not_cover_all_of_it() -> None:
    split = replace(seen("graph", "a.1")[0], others=(Place(module="b"),))
    switched = replace(seen("probe", "a")[0], others=(Place(module="a.1"),))
    assert len(explained({SPLIT: [[split]], SWITCHED: [[switched]]})[SPLIT]) == 1


INPUTS, DOMAIN = rulebook.find("preprocessing-mismatch"), rulebook.find("domain-shift-statistics")


@pytest.mark.parametrize("strength", ["slight", "usual", "grave"])
def test_what_lies_in_the_data_is_at_every_module_and_as_grave_as_its_symptom_is(strength: Strength) -> None:
    found = explained({DOMAIN: [seen("probe", "0.bn", strength)], INPUTS: [seen("loader", "loader")]})
    assert found[DOMAIN] == []
    (group,) = found[INPUTS]
    assert [(s.layer, s.strength, s.place.module) for s in group] == [
        ("loader", "usual", "loader"),
        ("probe", strength, "loader"),
    ]
    assert group[0].message == "Seen by the loader. Measured: seen by the probe."


def test_data_that_were_measured_to_have_no_effect_explain_nothing() -> None:
    both = [*seen("probe", "loader", "cleared"), *seen("loader", "loader")]
    assert len(explained({DOMAIN: [seen("probe", "0.bn")], INPUTS: [both]})[DOMAIN]) == 1
