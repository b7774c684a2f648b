"""The cure that was proved, and what to do next."""

from __future__ import annotations

from evalcheck import rulebook
from evalcheck.finding import Finding, Report
from evalcheck.measurement import Attempt, Cause
from evalcheck.reporters.advice import cure_of
from evalcheck.reporters.location import legible
from evalcheck.reporters.numbers import CALLED, SHARES, figure
from evalcheck.reporters.treatment import does, headline, ran, verdict

SYMPTOM = "train-eval-divergence"
ONE_BY_ONE = "Let evalcheck toggle the modules one by one with {}, and look at what moves the output most."
RECALIBRATE = "`evalcheck recalibrate {} --output OUT.pt` writes weights with such statistics."
KEEP = "`evalcheck.recalibrate(model, train_loader)` does that to the model."
# Rules of causes for which no page states itself as the one.
RULES = {
    "domain": ("preprocessing-mismatch",),
    "order": ("train-not-shuffled",),
    "batch": ("few-samples-per-channel", "instance-norm-tracks-statistics"),
    "custom": ("expectation-shift", "mode-dependent-structure", "mode-latched"),
    "noise": (
        "nondeterministic-eval",
        "functional-dropout-ungated",
        "attention-dropout-ungated",
        "dropout-forced-on",
        "random-op-ungated",
        "unregistered-submodule",
    ),
}


def cure(report: Report) -> str:
    """The best remedy that was tried, in one sentence with its number; empty where none was."""
    attempts = ran(report)
    proved = [attempt for attempt in attempts if attempt.status == "proved"]
    if proved:
        price = ", at a price (see Tried)" if proved[0].price else ""
        return f"{proved[0].title} {_brings(proved[0])}{price}."
    if not attempts:
        return ""
    best = attempts[0]
    if verdict(best) == "helps":
        of_all = f"of {len(attempts)} that were tried, " if len(attempts) > 1 else ""
        most = " most" if len(attempts) > 1 else ""
        return f"none yet: {of_all}{does(best)}{most}, and {_brings(best)}."
    if len(attempts) > 1:
        return f"none yet: none of the {len(attempts)} that were tried helps."
    return f"none yet: {does(best)} ({_figures(best).removeprefix('the ')})."


def _brings(attempt: Attempt) -> str:
    """``brings the accuracy from 74.2% to 99.2%``."""
    verb = "bring" if attempt.title.startswith("statistics ") else "brings"
    steady = attempt.measure.startswith("scatter") and attempt.status == "proved"
    besides = ", and the same batch then gives the same answer" if steady else ""
    return f"{verb} {_figures(attempt)}{besides}"


def _figures(attempt: Attempt) -> str:
    """``the accuracy from 74.2% to 99.2%``."""
    name, *values = headline(attempt)
    before, after = (figure(name, value) for value in values)
    unit = " of the output's variance" if name in SHARES and name != "accuracy" else ""
    called = CALLED.get(name, f"the {name.removeprefix('the ')}")
    return f"{called} from {before} to {after}{unit}"


def following(report: Report) -> str:
    """The next step for who reads this: what applies the cure, or the advice of the finding that tells."""
    best = next((attempt for attempt in ran(report) if attempt.status == "proved"), None)
    cause = _cured(report, best) or main_cause(report)
    finding = _about(report, best) or (_telling(report, cause) if cause is not None else None)
    if finding is not None:
        command = RECALIBRATE if best is not None and best.name == "recalibrate" else ""
        given = " ".join([legible(report.target), *report.given])
        command = (command if ":" in report.target else command and KEEP).format(given)
        return f"{command} More: `evalcheck explain {finding.rule}`." if command else step(finding)
    page = next(iter(_rules(cause.name)), None) if cause is not None else None
    one_by_one = ONE_BY_ONE.format("--exact" if ":" in report.target else "exact=True")
    return f"{cure_of(page)} More: `evalcheck explain {page}`." if page else one_by_one


def cured(report: Report) -> Finding | None:
    """The finding that the best proved cure is of."""
    return _about(report, next((attempt for attempt in ran(report) if attempt.status == "proved"), None))


def step(finding: Finding) -> str:
    """What to do about a finding by hand, and where more is told."""
    return f"{_by_hand(finding)}{cure_of(finding.rule)} More: `evalcheck explain {finding.rule}`."


def _cured(report: Report, best: Attempt | None) -> Cause | None:
    """The cause whose page names the remedy, the main one first; None where no page does."""
    if best is None:
        return None
    known = {rule.cause for rule in rulebook.load().values() if best.name in rule.remedies}
    return next((cause for cause in material(report) if cause.name in known), None)


def _about(report: Report, best: Attempt | None) -> Finding | None:
    """The finding that the cure is of; where it cures several, the one that tells the main cause."""
    if best is None:
        return None
    main = culprit(report)
    cured = [
        finding
        for finding in report.findings
        if any(remedy.name == best.name for remedy in finding.remedies)
        or (finding is main and best.name in rulebook.find(finding.rule).remedies)
    ]
    cured = [finding for finding in cured if finding.rule != SYMPTOM]
    return main if main in cured else next(iter(cured), None)


def _by_hand(finding: Finding) -> str:
    """A rule that knows the edit offers it."""
    fix = finding.fix
    if fix is None or not fix.edits:
        return ""
    option = "--fix" if fix.safe else "--fix --unsafe-fixes"
    return f"`evalcheck lint {legible(fix.edits[0].span.path)} {option}` changes the code ({fix.title}). "


def culprit(report: Report) -> Finding | None:
    """The finding that tells the main cause of the difference, or of what eval mode draws."""
    cause = main_cause(report)
    return _telling(report, cause) if cause is not None else None


def main_cause(report: Report) -> Cause | None:
    return next(iter(material(report)), None)


def material(report: Report) -> list[Cause]:
    """The causes that count, the main one first."""
    return [cause for cause in report.measurements.causes if cause.material] if report.measurements else []


def _telling(report: Report, cause: Cause) -> Finding | None:
    rules = _rules(cause.name)
    told = [f for f in report.findings if f.rule in rules]
    # What is at fault in a module that was convicted is told by any rule about it.
    told += [f for f in report.at_least("warning") if f.rule != SYMPTOM and f.place.module in cause.modules]
    return next((f for f in told if f.severity != "note"), told[0] if told else None)


def _rules(cause: str) -> list[str]:
    stated = [rule.name for rule in rulebook.load().values() if rule.cause == cause]
    # The page whose name says it most plainly: of the many ways to stale statistics, that they do not fit.
    stated.sort(key=lambda name: name != "statistics-mismatch")
    return [*stated, *RULES.get(cause, ())]
