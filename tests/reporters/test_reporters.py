"""Every format, held to golden files and to the schema that ships."""

from __future__ import annotations

import json
from importlib import resources

import jsonschema
import pytest

from evalcheck.finding import Finding, Place, Report, Sighting, Span
from evalcheck.reporters import FORMATS, render
from tests.reporters import samples
from tests.reporters.keeping import kept
from tests.reporters.situations import SITUATIONS

CASES = {
    "terminal-80": ("terminal", {"width": 80}),
    "terminal-120": ("terminal", {"width": 120}),
    "terminal-quiet": ("terminal", {"width": 80, "quiet": True}),
    "terminal-verbose": ("terminal", {"width": 100, "verbose": True}),
    "terminal-color": ("terminal", {"width": 80, "color": True}),
    "markdown": ("markdown", {}),
    "markdown-quiet": ("markdown", {"quiet": True}),
    "markdown-verbose": ("markdown", {"verbose": True}),
    "concise": ("concise", {}),
    "json": ("json", {}),
}


@pytest.mark.parametrize("name", CASES)
def test_output_is_what_the_golden_file_says(name):
    """EVALCHECK_GOLDEN=1 rewrites the files; the change is then read in the diff."""
    format, options = CASES[name]
    text = render(samples.full(), format, **options)
    assert text == kept(name, text)


@pytest.mark.parametrize("name", SITUATIONS)
def test_every_situation_reads_as_it_was_read_once(name):
    """Each kind of trouble, narrow and for a pull request."""
    report = SITUATIONS[name]()
    text = f"{render(report, width=80)}\n\n{render(report, 'markdown')}"
    assert text == kept(f"situation-{name}", text)


@pytest.mark.parametrize("report", [samples.full(), samples.empty(), SITUATIONS["stale"]()])
def test_json_keeps_the_schema_that_ships(report):
    """The schema lies in the package; a document that breaks it fails here first."""
    schema = json.loads((resources.files("evalcheck.reporters") / "schema.json").read_text("utf8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(render(report, "json")), schema)


def test_json_has_no_nan():
    """JSON knows none; null says that there is no number."""
    report = samples.full()
    text = render(report, "json").replace("0.742", "NaN")
    assert "NaN" not in render(report, "json")
    assert "NaN" in text


@pytest.mark.parametrize("format", ["concise", "github"])
@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x1b[2J", "\x85", "\u2028"])
def test_a_file_name_stays_on_its_line(format, end):
    """A line of output is a finding, whatever the file is called."""
    path = f"two{end}lines.py"
    sighting = Sighting("source", Place(Span(path, 1, 1, 1, 2)), "so")
    placeless = Sighting("graph", Place(), "so")
    findings = tuple(Finding("missing-eval", "mode", "note", (one,)) for one in (sighting, placeless))
    text = render(Report(path, findings), format)
    assert text.count("\n") == 2
    assert "\r" not in text
    if format == "concise":
        assert len(text.splitlines()) == 2
        assert "\x1b" not in text


@pytest.mark.parametrize("format", FORMATS)
def test_colour_is_given_only_when_asked(format):
    """Without colour there is not one escape; with it, the terminal format has some."""
    assert "\x1b" not in render(samples.full(), format, color=False)
    assert ("\x1b" in render(samples.full(), format, color=True)) == (format == "terminal")


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("made", [samples.full, SITUATIONS["stale"], SITUATIONS["custom"]])
def test_lines_keep_to_the_width(width, verbose, made):
    """Long sentences are wrapped, long code is cut, long names are cut or stand alone."""
    text = render(made(), "terminal", width=width, verbose=verbose)
    assert max(len(line) for line in text.split("\n")) <= width


def test_the_answer_comes_first_with_its_numbers():
    """Verdict, cause and cure stand above everything else."""
    head = "\n".join(render(samples.full(), "terminal", width=300).split("\n")[:6])
    assert "accuracy is 74.2% in eval mode and 98.6% in train mode" in head
    assert "Cause: 'block.norm' (63% of the difference)" in head
    assert "Cure:  giving each call statistics of its own brings the accuracy from 74.2% to 99.0%." in head
    assert "Next:  Give each kind of input a norm of its own" in head
    assert "recomputing" not in head


def test_nothing_is_said_about_what_was_not_measured():
    """A report without measurements speaks of no mode, no cause and no cure."""
    text = render(Report("net.py", findings=(samples.finding(layer="source"),)), "terminal")
    assert "Eval mode" not in text
    assert "Cause" not in text
    assert "Cure:" not in text


def test_silence_is_not_a_pass():
    """With gaps the report says that not everything was asked."""
    gapped = Report("net.py", gaps=samples.full().gaps)
    assert gapped.verdict == "incomplete"
    assert "in what could be asked" in render(gapped, "terminal")
    assert samples.empty().verdict == "clean"
