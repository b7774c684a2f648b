"""What ``conformance.verify`` says of pages that hold, and of those that do not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import dedent
from typing import Any

import pytest
from torch import nn

from evalcheck import checks, conformance, rulebook
from evalcheck.finding import Place, Sighting, Unanswerable
from evalcheck.loader import LoaderView
from evalcheck.terms import Layer

PAGE = """\
# made-up

A rule for these tests.

```toml
family = "data"
layers = ["{layer}"]
severity = "error"
cure = "None."
```

## Why

Because.

## Flagged

```python
{flagged}
```

## Fine

```python
{fine}
```

## Missed

```python
{missed}
```

## Seen in

Nowhere.
"""


class Words:
    """A check of loaders that are lists of words: ``bad`` is reported, ``no`` cannot be asked."""

    def __call__(self, view: LoaderView, options: Any) -> Iterator[Sighting]:
        for word in view.loader:
            if word == "no":
                raise Unanswerable("it is no")
            if word == "crash":
                raise KeyError("crash")
            if word.startswith("bad"):
                yield Sighting("loader", Place(module=word), "bad", others=(Place(module=f"{word}.other"),))


@pytest.fixture
def verify(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Violations of a page whose blocks are given, without the rule's name in front."""

    def find(layer: Layer, rule: str) -> Any:
        return Words()

    monkeypatch.setattr(checks, "find", find)

    def run(**blocks: str) -> list[str]:
        texts = {
            "flagged": "loader = ['bad']  # flagged",
            "fine": "loader = []",
            "missed": "loader = []",
        } | blocks
        page = PAGE.format(layer="loader", **{k: dedent(v).strip() for k, v in texts.items()})
        found = conformance.verify(rulebook.read("made-up", page))
        return [line.partition(": ")[2] for line in found]

    return run


def test_a_page_that_holds_has_no_violations(verify: Callable[..., list[str]]) -> None:
    """Marked by name, over all places of a sighting, or as a whole."""
    assert verify() == []
    assert (
        verify(flagged="loader = ['bad', 'bad1', 'good']  # flagged: bad, bad.other, bad1, bad1.other") == []
    )


def test_flagged_blocks_are_compared_by_name(verify: Callable[..., list[str]]) -> None:
    """Too much, too little, nothing, and nothing marked."""
    assert verify(flagged="loader = ['bad']  # flagged: bad, worse") == [
        "worse is marked and not reported",
        "bad.other is reported and not marked",
    ]
    assert verify(flagged="loader = ['good']  # flagged") == ["nothing is reported"]
    assert verify(flagged="loader = ['bad']") == ["nothing is marked as flagged"]


def test_fine_and_missed_blocks_report_nothing(verify: Callable[..., list[str]]) -> None:
    """A missed block that is reported has to move."""
    assert verify(fine="loader = ['bad']") == ["bad is reported, and nothing should be"]
    assert verify(missed="loader = ['bad']") == [
        "bad is reported, and nothing should be; move the block to Flagged"
    ]


def test_what_cannot_be_asked_is_fine_only_where_the_page_says_so(verify: Callable[..., list[str]]) -> None:
    """Silence is no pass; and the page may not promise a refusal that does not come."""
    assert verify(flagged="loader = ['no']  # flagged") == ["it could not be asked: it is no"]
    assert verify(fine="loader = ['no']") == ["it could not be asked: it is no"]
    assert verify(fine="loader = ['no']  # unanswerable") == []
    assert verify(missed="loader = ['no']") == []
    assert verify(fine="loader = []  # unanswerable") == ["it is marked as unanswerable, and it was answered"]


def test_blocks_that_do_not_run_are_violations(verify: Callable[..., list[str]]) -> None:
    """A block that fails, that binds nothing, and a check that breaks."""
    assert verify(fine="1 / 0") == ["the block does not run: ZeroDivisionError: division by zero"]
    assert verify(fine="data = []") == ["the block does not bind loader"]
    (line,) = verify(fine="loader = ['crash']")
    assert line.startswith("it breaks the check at test_verify.py:")
    assert line.endswith("KeyError: 'crash'")


def test_classes_of_a_block_are_those_of_a_module(verify: Callable[..., list[str]]) -> None:
    """Dataclasses and source lines work as in a file."""
    code = """
    from __future__ import annotations
    import inspect
    from dataclasses import dataclass

    @dataclass
    class Options:
        size: int = 1

    loader = [inspect.getsource(Options).split()[0]]
    """
    assert verify(fine=code) == []


def test_blocks_leave_the_generators_as_they_were(verify: Callable[..., list[str]]) -> None:
    """And begin from one seed."""
    import torch

    before = torch.get_rng_state()
    code = "import torch\nloader = ['bad'] if torch.rand(()) != torch.rand(()) else []  # flagged"
    assert verify(flagged=code) == []
    assert torch.equal(torch.get_rng_state(), before)


def test_a_source_block_is_compared_by_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the check of a rule that reads source."""
    pytest.importorskip("evalcheck.checks.source.eval_not_called")
    code = "def run(model):\n    model.eval  # flagged\n    return model  # flagged"
    page = PAGE.format(layer="source", flagged=code, fine="x = 1", missed="x = 1").replace(
        "made-up", "eval-not-called"
    )
    page = page.replace('"]', '"]\nreads = [["eval"]]', 1)
    line, unshown = conformance.verify(rulebook.read("eval-not-called", page))
    assert line.endswith("line 3 of the block is marked and not reported")
    assert "no section 'Fixed'" in unshown


def test_the_form_of_a_page_is_held() -> None:
    """Sections, length, blocks for every layer, and a check for each."""
    page = PAGE.format(layer="loader", flagged="x", fine="x", missed="x")
    page = page.replace("## Seen in", "\n" * 150).replace('["loader"]', '["loader", "probe"]')
    found = conformance.verify(rulebook.read("made-up", page))
    assert found[:6] == [
        "made-up: the page has 186 lines, and may have 160",
        "made-up: the section 'Seen in' is missing",
        "made-up: there is no check for the layer loader (No module named 'evalcheck.checks.loader.made_up')",
        "made-up: no block of the section Flagged is for the layer probe",
        "made-up: no block of the section Fine is for the layer probe",
        "made-up: there is no check for the layer probe (No module named 'evalcheck.checks.probe.made_up')",
    ]


def test_graph_and_probe_blocks_get_their_subjects(monkeypatch: pytest.MonkeyPatch) -> None:
    """The graph of ``model`` on ``batch``; the trial of ``model`` with ``loader``."""
    from evalcheck import checkup, graph

    asked: list[Any] = []
    monkeypatch.setattr(
        checks, "find", lambda layer, rule: lambda subject, options: asked.append((layer, subject)) or []
    )
    monkeypatch.setattr(graph, "read", lambda model, run: run(model).shape, raising=False)
    monkeypatch.setattr(
        checkup, "trial", lambda model, loader, train, **_: (model, loader, train), raising=False
    )
    code = "import torch\nmodel, batch, loader = torch.nn.Flatten(), torch.zeros(2, 3, 4), [1]"
    for layer in ("graph", "probe"):
        page = PAGE.format(layer=layer, flagged=code + "  # flagged", fine=code, missed=code)
        conformance.verify(rulebook.read("made-up", page))
    assert asked[0] == ("graph", (2, 12))
    _, (model, loader, train) = asked[-1]
    assert isinstance(model, nn.Flatten)
    assert (loader, train) == ([1], None)


def source_page(fixed: str, flagged: str = "def run(model):\n    model.eval  # flagged") -> list[str]:
    page = PAGE.format(layer="source", flagged=flagged, fine="x = 1", missed="x = 1")
    page = page.replace("made-up", "eval-not-called").replace('"]', '"]\nreads = [["eval"]]', 1)
    if fixed:
        page = page.replace("## Fine", f"## Fixed\n\n```python\n{fixed}\n```\n\n## Fine")
    return conformance.verify(rulebook.read("eval-not-called", page))


def test_blocks_of_fixed_are_what_fixes_make_of_flagged_blocks() -> None:
    """In their order; marks are left out."""
    assert source_page("def run(model):\n    model.eval()") == []
    (line,) = source_page("def run(model):\n    model.train()")
    assert "(Fixed): the block of line 20 becomes this instead:\ndef run(model):\n    model.eval()" in line
    both = "def run(model):\n    model.eval()\n```\n\n```python\nx = 1"
    (line,) = source_page(both)
    assert line.endswith("(Fixed): no block of the section Flagged is left for it")


def test_a_check_with_fixes_needs_the_section_fixed() -> None:
    """What it would hold is said."""
    (line,) = source_page("")
    assert line.startswith(
        "eval-not-called: the check offers fixes, and no section 'Fixed' shows what they make"
    )
    assert line.endswith("it is:\ndef run(model):\n    model.eval()")


def test_unsafe_fixes_are_shown_as_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    """A first line says so."""
    from dataclasses import replace

    real = checks.find("source", "eval-not-called")

    def shy(file: Any, options: Any) -> Iterator[Sighting]:
        for sighting in real(file, options):
            assert sighting.fix is not None
            yield replace(sighting, fix=replace(sighting.fix, safe=False))

    monkeypatch.setattr(checks, "find", lambda layer, rule: shy)
    assert source_page("# unsafe\ndef run(model):\n    model.eval()") == []
    (line,) = source_page("def run(model):\n    model.eval()")
    assert line.endswith("nothing is fixed in the block of line 20: is its fix unsafe?")
    assert source_page("")[0].endswith("it is:\n# unsafe\ndef run(model):\n    model.eval()")
