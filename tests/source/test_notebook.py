"""Notebooks: cells as one text, spans that name the cell, and bytes that stay where nothing was fixed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck import checks, rulebook
from evalcheck.finding import Finding, Place, Report, Sighting
from evalcheck.reporters import render
from evalcheck.rewriting import difference, rewrite
from evalcheck.source import SourceFile, magics, notebook
from evalcheck.source.reading import Unreadable


def book(*cells: str | list[str], kind: str = "code", indent: int | None = 1, **metadata: Any) -> bytes:
    """A notebook with these code cells, after a cell of prose."""
    every: list[dict[str, Any]] = [{"cell_type": "markdown", "source": ["# x\n", "y = ("]}]
    for source in cells:
        lines = source.splitlines(keepends=True) if isinstance(source, str) else source
        every.append({"cell_type": kind, "execution_count": None, "outputs": [], "source": lines})
    data = {"cells": every, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(data, indent=indent, ensure_ascii=False) + "\n").encode()


def read(*cells: str) -> SourceFile:
    return notebook.open_notebook(book(*cells), "nb.ipynb")


def test_all_cells_are_one_file_and_spans_name_cell_and_line() -> None:
    """Names of one cell are known in the next; prose is not counted."""
    file = read("import torch.nn.functional as F\n", "", "x = 1\n\ny = F.dropout(é)")
    call = next(file.every_call())
    assert file.resolve(call.func) == "torch.nn.functional.dropout"
    span = file.span(call)
    assert (span.cell, span.line, span.column, span.end_column) == (3, 3, 5, 17)
    assert span.text == "y = F.dropout(é)"
    assert file.lines.line(file.lines.number(span)) == span.text
    assert file.lines.line(call.lineno) == span.text
    assert file.said(call) == span.text
    assert not span.touches(file.span(file.tree.body[0]))


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("x = 1\n!pip install 'y\nz = 2", "x = 1\npass\nz = 2"),
        ("!pip install a \\\n   b\nz = 2", "pass\n\nz = 2"),
        ("files = !ls *.py\nx = %pwd\n", "files = None\nx = None\n"),
        ("model?\n?model\nx = 1", "pass\npass\nx = 1"),
        ("if x:\n    %matplotlib inline\n", "if x:\n    pass\n"),
        ("%time y = model(x)\n", "True; y = model(x)\n"),
        ("%%time\ny = model(x)\n", "pass\ny = model(x)\n"),
        ("%%capture out\ny = 1\n", "pass\ny = 1\n"),
        ("print('%d\\n'\n      % (epoch, loss))", "print('%d\\n'\n      % (epoch, loss))"),
        ("print('a'\n% x)\n%pwd", "print('a'\n% x)\npass"),
        ("y = a \\\n%b\n%pwd", "y = a \\\n%b\npass"),
        ("s = '''\n%pwd\n'''\n%pwd", "s = '''\n%pwd\n'''\npass"),
        ("s = '''it''' # '''\n%pwd", "s = '''it''' # '''\npass"),
        ("x = 1\r\n%pwd\r\n", "x = 1\npass\n"),
        ("await run()\n", "await run()\n"),
    ],
)
def test_magics_are_left_out_only_where_the_cell_is_no_python(cell: str, code: str) -> None:
    """Lines stay where they are, and continuation lines are no magics."""
    assert notebook.code_of(cell) == code
    assert magics.parses(code)


@pytest.mark.parametrize(
    "cell", ["%%bash\nfor x in y; do z; done", "%%html\n<b>", "\n%%writefile a.py\nx = ("]
)
def test_cells_of_other_languages_are_passed_by_in_silence(cell: str) -> None:
    """Nothing in them is ours to read."""
    file = read("import torch", cell, "f(1)")
    assert notebook.skipped_cells(file) == ()
    assert file.span(next(file.every_call())).cell == 3


@pytest.mark.parametrize(
    "cell", ["x = (", "print 'hello'", "\ufeffx = 1\n)", "x = 1\0", "((" * 200 + "))" * 200]
)
def test_a_cell_that_is_no_python_is_passed_by_and_said(cell: str) -> None:
    """One line, and the other cells are read."""
    file = read("import torch", cell, "f(1)")
    assert notebook.skipped_cells(file) == ("nb.ipynb: cell 2 is not valid Python and was not read",)
    assert file.span(next(file.every_call())).cell == 3


@pytest.mark.parametrize(
    ("metadata", "read_at_all"),
    [
        ({}, True),
        ({"language_info": {"name": "python"}}, True),
        ({"kernelspec": {"name": "my-env"}}, True),
        ({"kernelspec": {"language": "julia", "name": "julia-1.9"}}, False),
        ({"kernelspec": {"name": "ir"}}, False),
        ({"language_info": {"name": "R"}}, False),
    ],
)
def test_only_notebooks_in_python_are_read(metadata: Any, read_at_all: bool) -> None:
    """By the language that they state; those that state none are in Python."""
    assert bool(notebook.read(book("x = 1", **metadata), "nb.ipynb").cells) == read_at_all


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{", "not valid JSON (line 1)"),
        (b"", "not valid JSON"),
        (b"[1]", "it has no cells"),
        (b'{"worksheets": []}', "older than 4"),
        (b'{"cells": "\xff"}', "not valid utf-8"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_what_is_no_notebook_is_said_in_one_line(data: bytes, said: str) -> None:
    """It names the file."""
    with pytest.raises(Unreadable) as caught:
        notebook.open_notebook(data, "nb.ipynb")
    line = str(caught.value)
    assert line.startswith("nb.ipynb: ")
    assert said in line
    assert "\n" not in line


def test_odd_cells_do_no_harm() -> None:
    """Cells without a source, of no kind, with numbers for lines."""
    cells = [
        1,
        {},
        {"cell_type": "code"},
        {"cell_type": "code", "source": [1]},
        {"cell_type": "code", "source": "f(1)"},
    ]
    file = notebook.open_notebook(json.dumps({"cells": cells}).encode(), "nb.ipynb")
    assert file.span(next(file.every_call())).cell == 3


def lint(data: bytes) -> list[Finding]:
    file = notebook.open_notebook(data, "nb.ipynb")
    seen = checks.find("source", "eval-not-called")(file, {})
    return [Finding("eval-not-called", "mode", "error", (sighting,)) for sighting in seen]


FAULTY = "import torch\nmodel = torch.load('é')\n%pwd\nmodel.eval\n"


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize(
    "raw",
    [lambda b: b, lambda b: b.rstrip(), lambda b: b"\xef\xbb\xbf" + b, lambda b: b.replace(b"\n", b"\r\n")],
)
def test_a_fix_changes_one_string_of_the_file(indent: int | None, raw: Any) -> None:
    """Indentation, marks, line ends and escapes of all others stay."""
    data = raw(book("x = '\u00fc/'", FAULTY, indent=indent).replace("ü/".encode(), b"\\u00fc\\/"))
    done = rewrite("nb.ipynb", data, lint)
    assert done.after == data.replace(b"model.eval\\n", b"model.eval()\\n")
    assert done.fixed == 1
    assert difference(done).startswith(b"--- a/nb.ipynb:cell 2\n+++ b/nb.ipynb:cell 2\n")


def test_a_source_that_is_one_string_stays_one() -> None:
    """As some tools write it; escapes of a notebook in ASCII stay escapes."""
    source = json.dumps(FAULTY)
    data = f'{{"cells":[{{"source":{source},"cell_type":"code"}}]}}'.encode()
    assert rewrite("nb.ipynb", data, lint).after == data.replace(b"model.eval\\n", b"model.eval()\\n")


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12), min_size=1, max_size=4
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=12),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 1, 2]),
)
def test_any_text_can_be_put_into_a_cell(
    texts: list[str], new: str, as_lists: bool, in_ascii: bool, indent: int | None
) -> None:
    """It comes back as it was put in, and the other cells as they were."""
    cells = [
        {"cell_type": "code", "source": text.splitlines(keepends=True) if as_lists else text, "id": "\u00e9"}
        for text in texts
    ]
    data = json.dumps({"cells": cells}, indent=indent, ensure_ascii=in_ascii).encode()
    before = notebook.read(data, "nb.ipynb")
    assert [cell.source for cell in before.cells] == texts
    assert before.with_sources({}) == data
    after = notebook.read(before.with_sources({1: new}), "nb.ipynb")
    assert [cell.source for cell in after.cells] == [new, *texts[1:]]


def test_reports_say_cell_and_line(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """And quote the cell, not the file's JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nb.ipynb").write_bytes(book("x = 1", FAULTY))
    report = Report("nb.ipynb", tuple(lint(book("x = 1", FAULTY))))
    assert render(report, "concise").startswith("nb.ipynb:cell 2:4:1: error eval-not-called: model.eval ")
    shown = render(report, "terminal")
    assert "read at nb.ipynb:cell 2:4:1\n" in shown
    assert "\n  3 │ %pwd\n  4 │ model.eval\n    │ ^^^^^^^^^^\n" in shown
    location = json.loads(render(report, "json"))["findings"][0]["location"]
    assert (location["cell"], location["line"]) == (2, 4)


def test_a_line_that_the_file_does_not_hold_is_quoted_alone(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text from stdin, or a file that was changed since."""
    monkeypatch.chdir(tmp_path)
    file = SourceFile.from_text("a = 1\nmodel.eval\n", "net.py")
    place = Place(file.span(file.tree.body[1]))
    found = Finding("eval-not-called", "mode", "error", (Sighting("source", place, "said"),))
    for text in (None, "other\nlines\nhere\n", ""):
        if text is not None:
            (tmp_path / "net.py").write_text(text)
        shown = render(Report("net.py", (found,)), "terminal")
        assert "2 │ model.eval\n" in shown
        assert "other" not in shown
    assert rulebook.find("eval-not-called")
