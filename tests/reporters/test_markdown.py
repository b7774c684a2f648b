"""The comment of a pull request: whole tables, closed folds, nothing that a message could break."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evalcheck.finding import Finding, Place, Report, Sighting, Table
from evalcheck.reporters import render
from evalcheck.reporters.escaping import JOINER, code, fenced, inline
from tests.reporters import samples
from tests.reporters.situations import SITUATIONS

READER = MarkdownIt("commonmark").enable("table").enable("strikethrough")
WILD = st.text(st.sampled_from("ab1 \\`*_[](){}#+-.!|~$<>&@:=\n\t'\"é→"), max_size=40)


def shown(html: str) -> str:
    """What a reader sees of rendered HTML."""
    return unescape(re.sub(r"<[^>]*>", "", html)).replace(JOINER, "")


def report(message: str, **told: object) -> Report:
    sighting = Sighting("probe", Place(module="a|b`c"), message, **told)
    return replace(samples.full(), findings=(Finding("missing-eval", "mode", "warning", (sighting,)),))


@given(WILD)
def test_a_sentence_is_read_as_it_was_written(text: str) -> None:
    """Nothing of it is markup, HTML, a list or a heading."""
    assert shown(READER.render(inline(text))).strip() == " ".join(text.split())


@given(WILD)
def test_code_is_read_as_it_was_written(text: str) -> None:
    assert shown(READER.renderInline(f"x {code(text)}")) == f"x {' '.join(text.split())}"


@given(WILD)
def test_a_cell_stays_one_cell(text: str) -> None:
    """Whatever stands in it, the row has as many cells as the header."""
    html = READER.render(f"| a | b |\n| --- | --- |\n| {inline(text)} | {code(text)} |")
    assert html.count("<td>") == 2
    assert html.count("<table>") == 1


@given(st.lists(st.text(st.sampled_from("`~ a\n"), max_size=12)))
def test_a_fence_is_longer_than_what_it_holds(lines: list[str]) -> None:
    html = READER.render(f"{fenced(lines)}\n\nbehind")
    assert html.count("<pre>") == 1
    assert html.endswith("<p>behind</p>\n")


def test_nobody_is_called_and_no_issue_is_linked() -> None:
    """GitHub would write to people; within code it does not."""
    told = inline("@torch.no_grad() of #12 :tada: a@b")
    assert not re.search(r"@\w|#\d|:tada:", told)


@pytest.mark.parametrize("name", SITUATIONS)
def test_tables_are_whole_and_folds_are_closed(name: str) -> None:
    """As a reader of GitHub's tables sees them."""
    text = render(SITUATIONS[name](), "markdown", verbose=True)
    html = READER.render(text)
    assert html.count("<table>") == len(re.findall(r"^\|(?: :?---:? \|)+$", text, re.M))
    for table in re.findall(r"<table>.*?</table>", html, re.S):
        widths = {row.count("<td") + row.count("<th") for row in re.findall(r"<tr>.*?</tr>", table, re.S)}
        assert len(widths) == 1
    assert "|" not in shown(re.sub(r"<pre>.*?</pre>", "", html, flags=re.S))
    assert text.count("<details") == text.count("</details>")


def test_a_hostile_message_changes_nothing_around_it() -> None:
    """Neither the fold nor the headline ends early."""
    hostile = "</summary></details><script>x</script> @all ``` | a |"
    told = Table(hostile, ("a|b",), ((hostile,),))
    text = render(report(hostile, evidence=(told,)), "markdown", verbose=True)
    assert "<script" not in text
    assert text.count("</details>") == text.count("<details")
    assert "@all" not in re.sub(r"<code>.*?</code>", "", text)


@pytest.mark.parametrize("sign", ["x", "🎉"])
def test_github_takes_the_longest_report(sign: str) -> None:
    """What does not fit is left out with a line that says so, and every fold is closed."""
    one = report(sign * 400).findings[0]
    text = render(replace(samples.full(), findings=(one,) * 300), "markdown")
    assert len(text.encode("utf-16-le")) // 2 <= 65_536
    assert "parts left out**, because GitHub takes no longer comment" in text
    assert text.count("<details") == text.count("</details>")


def test_one_piece_that_is_too_long_does_not_end_the_rest() -> None:
    """A huge finding is named, and the others follow."""
    huge, small = report("x" * 70_000).findings[0], report("small").findings[0]
    text = render(replace(samples.full(), findings=(huge, small)), "markdown")
    assert "small" in text
    assert "**1 part left out**" in text
    assert len(text) <= 65_536
