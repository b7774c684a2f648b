"""Which remedies are tried: those of what was found, once each, and none where nothing is ill."""

from collections import Counter

import pytest

import evalcheck
from evalcheck.checkup import treating
from evalcheck.finding import Finding, Sighting, Span
from evalcheck.finding import Place as At
from evalcheck.remedies import find, proof, untried
from evalcheck.rulebook import load
from evalcheck.settings import Settings
from tests.probe.nets import batches
from tests.remedies.normed_nets import broken, edited, plain, shared, trial, untracked

HELD, FEED = batches(256, 2), batches(256, 5)


@pytest.fixture
def runs(monkeypatch):
    """How often each remedy was tried."""
    counted: Counter[str] = Counter()
    attempt = proof.attempt

    def counting(trial, name):
        counted[name] += 1
        return attempt(trial, name)

    monkeypatch.setattr(proof, "attempt", counting)
    return counted


def examined(model, held=HELD):
    report = evalcheck.check(model, held, FEED)
    return {finding.rule: finding for finding in report.findings}, report


def test_nothing_is_tried_where_nothing_is_ill(runs):
    examined(plain())
    assert not runs


def test_each_remedy_is_tried_once_and_shown_at_every_finding_that_it_fits(runs):
    found, report = examined(edited())
    assert runs["recalibrate"] == 1
    for rule in ("train-eval-divergence", "statistics-mismatch"):
        assert [r.status for r in found[rule].remedies if r.name == "recalibrate"] == ["proved"]
    assert [a.name for a in report.measurements.attempts].count("recalibrate") == 1


def test_the_symptom_gets_the_remedies_of_its_causes(runs):
    found, _ = examined(shared())
    names = [remedy.name for remedy in found["train-eval-divergence"].remedies]
    assert names[0] == "per-call-statistics"
    assert not {*names} & {*untried.ADVICE}


def test_what_was_proved_comes_first_and_advice_last():
    found, _ = examined(shared())
    order = [treating.ORDER[remedy.status] for remedy in found["shared-batchnorm"].remedies]
    assert order == sorted(order)
    assert {*order} == {0, 1, 2}


def test_another_domain_is_treated_by_its_own_statistics():
    other = [(2 * x.tanh(), y) for x, y in HELD]
    found, _ = examined(plain(), other)
    status = {remedy.name: remedy.status for remedy in found["domain-shift-statistics"].remedies}
    assert status == {"evaluation-statistics": "proved", "batch-statistics": "failed"}


def test_norms_without_statistics_are_treated_though_the_modes_agree():
    found, _ = examined(untracked())
    status = {remedy.name: remedy.status for remedy in found["batchnorm-without-running-stats"].remedies}
    assert status["tracked-statistics"] == "proved"


def test_statistics_that_are_no_numbers_are_treated_though_nothing_can_be_compared():
    found, report = examined(broken())
    status = {remedy.name: remedy.status for remedy in found["statistics-nonfinite"].remedies}
    assert status == {"reset-statistics": "proved"}
    assert [attempt.name for attempt in report.measurements.attempts] == ["reset-statistics"]
    assert any(gap.layer == "probe" for gap in report.gaps)


def test_a_note_asks_for_no_remedy(runs):
    sighting = Sighting("probe", At(Span("model.py", 1, 1, 1, 2)), "It was.")
    note = Finding("statistics-mismatch", "norm", "note", (sighting,))
    assert treating.treated(trial(edited()), (note,), Settings()) == ((note,), ())
    assert not runs


@pytest.mark.parametrize("rule", [rule for rule in load().values() if rule.remedies], ids=lambda r: r.name)
def test_every_remedy_that_a_page_names_exists(rule):
    for name in rule.remedies:
        assert untried.find(name) is not None or callable(find(name).run)


def test_inputs_that_were_prepared_in_another_way_are_treated_as_another_domain():
    found, _ = examined(plain(), [(40 * x + 20, y) for x, y in HELD])
    names = {remedy.name for remedy in found["preprocessing-mismatch"].remedies}
    assert names >= {"evaluation-statistics", "batch-statistics"}
