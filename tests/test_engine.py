"""Sightings of one fault become one finding; what cannot be asked becomes a gap."""

from __future__ import annotations

import pytest

from evalcheck import engine, rulebook
from evalcheck.complaint import Complaint
from evalcheck.engine import Answers
from evalcheck.finding import EFFECT, Measure, Place, Report, Sighting, Span, Unanswerable
from evalcheck.settings import Settings

RULE = "batchnorm-momentum-mutated"


def sighting(layer, line=None, module=None, **more):
    span = Span("net.py", line, 1, line, 5, text=f"line {line}") if line else None
    return Sighting(layer, Place(span, module), f"seen by {layer}", **more)


def findings(*seen, settings=None):
    answers = Answers()
    answers.sightings[rulebook.find(RULE)] = list(seen)
    return engine.conclude(answers, settings or Settings())


def test_a_shared_line_or_module_makes_one_finding():
    """Directly or through a third: the read line, the measured line, the traced module."""
    found = findings(
        sighting("source", line=7),
        sighting("graph", module="block.norm"),
        sighting("probe", line=7, module="block.norm"),
        sighting("source", line=90),
    )
    assert [len(f.sightings) for f in found] == [3, 1]
    assert found[0].certainty == "measured"
    assert found[0].place == Place(Span("net.py", 7, 1, 7, 5), "block.norm")


def test_the_loader_that_was_read_and_the_one_at_hand_are_one_fault():
    """Where there is one of each; of two in the source nobody can tell which is at hand."""
    at_hand = sighting("loader", module="loader")
    (found,) = findings(sighting("source", line=7), at_hand)
    assert found.certainty == "measured"
    assert found.place == Place(Span("net.py", 7, 1, 7, 5, text="line 7"), "loader")
    assert len(findings(sighting("source", line=7), sighting("source", line=90), at_hand)) == 3


def test_other_places_count_too():
    """A sighting of several modules meets a sighting of one of them."""
    found = findings(
        sighting("probe", module="a", others=(Place(module="b"),)), sighting("graph", module="b")
    )
    assert len(found) == 1


def test_a_measurement_without_effect_clears_a_hypothesis_to_a_note():
    """Both sightings stay in the finding."""
    found = findings(sighting("source", line=7), sighting("probe", line=7, strength="cleared"))
    assert [f.severity for f in found] == ["note"]
    assert len(found[0].sightings) == 2


def test_what_the_model_makes_of_the_data_outweighs_that_they_are_so():
    """Loaders that differ, and a model whose output does not."""
    loader = sighting("loader", module="loader")
    assert [f.severity for f in findings(loader, sighting("probe", module="loader", strength="cleared"))] == [
        "note"
    ]
    assert [f.severity for f in findings(loader, sighting("probe", module="loader"))] == ["warning"]


def test_causes_come_before_consequences_and_the_symptom_of_all_last():
    """What moves the output most, then what was seen besides, then what has no place of its own."""

    def moving(rule, size, place):
        measure = Measure("shift", size, EFFECT, limit=0.02)
        return {rulebook.find(rule): [Sighting("probe", Place(module=place), "m", evidence=(measure,))]}

    answers = Answers()
    answers.sightings = {
        **moving("train-eval-divergence", 9.0, None),
        **moving("few-samples-per-channel", 0.1, "a"),
        **moving("statistics-mismatch", 0.5, "z"),
        rulebook.find("pinned-mode-lost"): [sighting("probe", module="b")],
    }
    assert [f.rule for f in engine.conclude(answers, Settings())] == [
        "statistics-mismatch",
        "few-samples-per-channel",
        "pinned-mode-lost",
        "train-eval-divergence",
    ]


@pytest.mark.parametrize(
    ("strength", "severity"), [("usual", "warning"), ("slight", "note"), ("grave", "warning")]
)
def test_strength_moves_the_severity(strength, severity):
    """A page without a grave severity has none to move to."""
    assert findings(sighting("source", line=7, strength=strength))[0].severity == severity


def test_the_users_severity_wins():
    """[tool.evalcheck.severity] has the last word."""
    found = findings(sighting("source", line=7), settings=Settings(severity={RULE: "error"}))
    assert found[0].severity == "error"


def test_unanswerable_is_a_gap_and_an_exception_a_fault():
    """One broken check does not cost the user the report."""

    def find(layer, rule):
        def check(subject, options):
            if rule == RULE:
                raise Unanswerable("no trace")
            raise KeyError("ours")
            yield

        return check

    answers = Answers()
    engine.ask(answers, Settings(select=frozenset({RULE, "missing-eval"})), "source", None, find)
    assert {gap.rule: gap.reason for gap in answers.gaps}[RULE] == "no trace"
    assert len(answers.faults) == 1
    assert answers.faults[0].startswith("missing-eval (source), check:")


def test_a_complaint_passes_through():
    """It is the user's to hear."""

    def find(layer, rule):
        def check(subject, options):
            raise Complaint("the loader is empty")
            yield

        return check

    with pytest.raises(Complaint):
        engine.ask(Answers(), Settings(select=frozenset({RULE})), "source", None, find)


def test_fingerprints_survive_lines_that_move():
    """Rule, path and the line's text; not its number."""
    a, b = (findings(sighting("source", line=7))[0], findings(sighting("source", line=7))[0])
    moved = findings(Sighting("source", Place(Span("net.py", 70, 1, 70, 5, text="line 7")), "m"))[0]
    assert a.fingerprint == b.fingerprint == moved.fingerprint
    assert a.fingerprint != findings(sighting("source", line=8))[0].fingerprint


@pytest.mark.parametrize(
    ("severity", "default", "error"),
    [("error", False, False), ("warning", False, True), ("note", True, True)],
)
def test_a_report_is_ok_with_and_without_parentheses(severity, default, error):
    """A bound method is always true, and ``assert report.ok`` would be too."""
    report = Report("net", findings(sighting("source", line=7), settings=Settings(severity={RULE: severity})))
    assert bool(report.ok) is report.ok() is report.ok("warning") is default
    assert report.ok("error") is error
    assert report.ok("never") is True
    assert report.ok == default
    assert repr(report.ok) == repr(default)
