"""The first lines: one sentence each, with its number, and no word that was not measured."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalcheck.finding import Remedy, Report
from evalcheck.measurement import Attempt, Score
from evalcheck.reporters import render, treatment
from evalcheck.reporters.answer import answer
from tests.reporters import samples, situations
from tests.reporters.situations import SITUATIONS


def lines(report: Report) -> dict[str, str]:
    return dict(answer(report))


def tried(*attempts: Attempt) -> Report:
    """The report of stale statistics with other attempts."""
    report = situations.stale()
    return replace(report, measurements=replace(report.measurements, attempts=attempts))


@pytest.mark.parametrize(
    "name", ["stale", "domain", "dropout", "batch", "custom", "noise", "gated", "unknown"]
)
def test_a_fault_is_told_with_its_number_and_the_next_step(name: str) -> None:
    """The verdict has a number, and nobody is left without a next step."""
    told = lines(SITUATIONS[name]())
    assert any(sign.isdigit() for sign in told[""])
    assert told["Next"].rstrip(".`").endswith(("moves the output most", *(_rules(name))))


def _rules(name: str) -> tuple[str, ...]:
    return tuple(finding.rule for finding in SITUATIONS[name]().findings)


@pytest.mark.parametrize("name", ["good", "harmless"])
def test_a_good_eval_mode_needs_no_cure(name: str) -> None:
    """One sentence says so."""
    assert list(lines(SITUATIONS[name]())) == [""]


def test_what_to_do_about_another_fault_is_said_beside_a_good_verdict() -> None:
    assert list(lines(situations.besides())) == ["", "But", "Next"]


def test_another_fault_is_told_in_words_behind_a_good_verdict() -> None:
    told = lines(situations.besides())["But"]
    assert told == "a sample's eval output depends on how far it is padded."


def test_what_a_rule_measured_is_told_with_its_line() -> None:
    """The number stands in the first lines, and other rules' names."""
    report, gated = situations.besides(), situations.gated().findings[0]
    seen = replace(gated.sightings[0], message="This is wrong. Call eval(). Measured: 55.5% for 88.7%. More.")
    found = (replace(gated, severity="error", sightings=(seen, *gated.sightings)), *report.findings)
    told = lines(replace(report, findings=found))
    assert told["But"] == "this is wrong (tests/reporters/net.txt:7). Measured: 55.5% for 88.7%."
    assert told["Also"] == "padding-dependent-eval, told below."


def test_a_cure_beside_a_good_verdict_is_in_the_first_lines() -> None:
    """Eval mode may be as good as train mode, and could be better than both."""
    stale = situations.stale()
    recalibrated = situations.attempt("recalibrate", situations.RECALIBRATED, 0.23, 1.0)
    remedy = Remedy("recalibrate", situations.RECALIBRATED, "proved", "loss", 2.23, 0.23)
    cured = replace(stale.findings[0], remedies=(remedy,))
    measured = replace(
        stale.measurements, attempts=(recalibrated,), scores=(Score("loss", False, 1, 1, 512),)
    )
    told = lines(replace(stale, findings=(cured,), measurements=measured))
    assert list(told) == ["", "But", "Cure", "Next"]
    assert "running statistics of" in told["But"]


def test_the_best_proved_remedy_is_the_cure() -> None:
    """What failed stands in the table, and a price is hinted at."""
    cheap = situations.attempt("cheap", "a", 0.5, 0.86)
    best = situations.attempt("best", "b", 0.23, 1.0, price="something")
    failed = situations.attempt("failed", "c", 2.4, -0.1)
    told = lines(tried(cheap, best, failed))
    assert told["Cure"] == "b brings the loss from 2.23 to 0.23, at a price (see Tried)."
    assert [one.title for one in treatment.tried(tried(cheap, best, failed))] == ["b", "a", "c"]


def test_of_equal_remedies_the_one_without_a_price_is_the_cure() -> None:
    dear = situations.attempt("dear", "a", 0.23, 1.001, price="something")
    free = situations.attempt("free", "b", 0.24, 0.995)
    assert lines(tried(dear, free))["Cure"].startswith("b brings")


def test_several_statistics_are_several() -> None:
    """A title may be a plural."""
    many = situations.attempt("batch", "statistics of the batch in eval mode", 0.23, 1.0)
    assert "in eval mode bring the loss from" in lines(tried(many))["Cure"]


def test_a_failure_is_no_cure() -> None:
    helps, hurts = situations.attempt("a", "x", 1.0, 0.6), situations.attempt("b", "y", 3.0, -0.4)
    assert lines(tried(helps, hurts))["Cure"].startswith(
        "none yet: of 2 that were tried, x helps most, and brings"
    )
    assert lines(tried(hurts))["Cure"] == "none yet: y makes it worse (loss from 2.23 to 3)."
    assert lines(tried(hurts, hurts))["Cure"] == "none yet: none of the 2 that were tried helps."
    assert "Cure" not in lines(tried())


def test_recalibration_is_told_with_its_command() -> None:
    """By name where the target is one that the command takes, else as a function."""
    report = situations.stale()
    recalibrated = situations.attempt("recalibrate", situations.RECALIBRATED, 0.23, 1.0)
    remedy = Remedy("recalibrate", situations.RECALIBRATED, "proved", "loss", 2.23, 0.23)
    cured = replace(report.findings[0], remedies=(remedy,))
    report = replace(tried(recalibrated), findings=(cured, *report.findings[1:]))
    assert lines(report)["Next"].startswith("`evalcheck recalibrate net.py:build_model --output OUT.pt")
    assert lines(replace(report, target="Net"))["Next"].startswith(
        "`evalcheck.recalibrate(model, train_loader)`"
    )


def test_the_command_names_the_options_that_were_given() -> None:
    report = situations.stale()
    given = replace(report, given=("--loader 'a b.py:train'", "--checkpoint w.pt"))
    assert lines(given)["Next"].startswith(
        "`evalcheck recalibrate net.py:build_model --loader 'a b.py:train' --checkpoint w.pt --output OUT.pt`"
    )


def test_a_random_eval_mode_is_told_with_its_score() -> None:
    """Accuracy says more than how far the outputs scatter; the cure is told in the same figure."""
    report = situations.noise()
    gate = Attempt("gate", "a gate", "proved", "scatter of eval mode", 0.2, 0.0, (("accuracy", 0.895, 1.0),))
    told = lines(replace(report, measurements=replace(report.measurements, attempts=(gate,))))
    assert "(accuracy 89.5% in one pass)" in told[""]
    assert told["Cure"] == (
        "a gate brings the accuracy from 89.5% to 100.0%, and the same batch then gives the same answer."
    )


def test_what_makes_answers_depend_on_their_mates_is_no_cure() -> None:
    attempt = situations.attempt("a", "a", 0.23, 1.0, fault="an answer then depends on its mates")
    (told,) = treatment.tried(tried(replace(attempt, status="failed")))
    assert (told.verdict, told.note) == ("no cure", "because an answer then depends on its mates")


def test_no_cause_costs_more_than_is_lost() -> None:
    """The steps are measured one after another, and one may give back more than all of it."""
    score = Score("accuracy", True, 0.236, 1.0, 512)
    for recovers, said in (
        (0.783, "costs all of the 76.4 points"),
        (0.5, "costs 50 of the 76.4 points"),
        (0.1, "moves the output by 51% of its variance"),
    ):
        report = situations.domain()
        causes = (replace(report.measurements.causes[0], recovers=recovers),)
        measured = replace(report.measurements, causes=causes, scores=(score,))
        assert said in lines(replace(report, measurements=measured))["Cause"]


def test_train_mode_with_noise_is_not_called_train_mode() -> None:
    """Also where the noise was too small to be shared out among modules."""
    report = situations.domain()
    score = Score("accuracy", True, 0.5, 0.9, 512, train=0.8)
    told = lines(replace(report, measurements=replace(report.measurements, scores=(score,))))
    assert "90.0% in train mode with dropout off" in told[""]


def test_an_edit_is_offered_where_a_rule_knows_it() -> None:
    assert lines(situations.gated())["Next"].startswith(
        "`evalcheck lint tests/reporters/net.txt --fix --unsafe-fixes`"
    )


@pytest.mark.parametrize(
    ("attempt", "word"),
    [
        (situations.attempt("a", "a", 0.3, 0.95), "cures"),
        (situations.attempt("a", "a", 1.0, 0.6), "helps"),
        (situations.attempt("a", "a", 2.2, 0.02), "does nothing"),
        (situations.attempt("a", "a", 2.9, -0.3), "makes it worse"),
        (situations.attempt("a", "a", 2.25, -0.02, detail="makes it worse"), "makes it worse"),
        (Attempt("a", "a", "proved", "scatter", 0.3, 0.0), "cures"),
        (Attempt("a", "a", "failed", "scatter", 0.3, 0.1), "helps"),
        (Attempt("a", "a", "failed", "scatter", 0.3, 0.3), "does nothing"),
        (Attempt("a", "a", "failed", "scatter", 0.3, 0.9), "makes it worse"),
        (
            Attempt("a", "a", "failed", "scatter", 0.3, 0.0, detail="the loss gets worse, from 1 to 2"),
            "makes it worse",
        ),
        (Attempt("a", "a", "failed", "accuracy", 0.7, 0.9), "helps"),
        (Attempt("a", "a", "failed", "accuracy", 0.7, 0.5), "makes it worse"),
    ],
)
def test_a_word_says_what_a_remedy_does(attempt: Attempt, word: str) -> None:
    assert treatment.verdict(attempt) == word


def test_what_repeats_the_first_lines_is_one_line_at_the_end() -> None:
    """Its name stays, so that it can be ignored by name; -v shows the whole."""
    text = render(samples.full(), width=100)
    assert "\nerror train-eval-divergence: told above, caused by shared-batchnorm\n\nTried" in text
    assert "told above" not in render(samples.full(), width=100, verbose=True)


def test_a_word_is_explained_once() -> None:
    """Where it is met, and only in reports of what was measured."""
    text = render(situations.dropout(), width=80)
    assert text.count("The output's variance:") == text.count("Running statistics:") == 1
    assert "Running statistics:" not in render(replace(samples.full(), measurements=None), width=80)


def test_published_figures_stand_apart_from_what_was_tried() -> None:
    text = " ".join(render(situations.stale(), width=80).split())
    assert "Not tried because it takes training: Group norm, and training again: 41.4 AP" in text
    unproved = Attempt("x", "statistics of the batch", "untried", detail="only targets could prove it")
    text = " ".join(render(tried(unproved), width=80).split())
    assert "or because nothing here could prove it: Statistics of the batch: only targets" in text
