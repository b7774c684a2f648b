"""A file rewritten until nothing changes: rounds, what fixes do not help, what is hidden."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest

from evalcheck.finding import Edit, Finding, Fix, Sighting
from evalcheck.rewriting import Rewritten, rewrite, tally
from evalcheck.source import SourceFile, reading
from evalcheck.source.edits import add_argument, replace
from evalcheck.source.reading import Unreadable

Offer = Callable[[SourceFile, ast.Call], Fix | None]


def lint(offer: Offer) -> Callable[[bytes], list[Finding]]:
    """A linter that complains of each call of ``bad``, with the fix that is offered for it."""

    def run(data: bytes) -> list[Finding]:
        file = SourceFile.from_text(reading.decode(data, "net.py"), "net.py")
        bad = [c for c in file.every_call() if isinstance(c.func, ast.Name) and c.func.id.startswith("bad")]
        seen = [Sighting("source", file.place(call), "bad", fix=offer(file, call)) for call in bad]
        return [Finding("made-up", "mode", "error", (sighting,)) for sighting in seen]

    return run


def renamed(file: SourceFile, call: ast.Call) -> Fix | None:
    return replace(file, call.func, "good", "rename", safe=True)


def test_every_finding_is_fixed_and_the_rest_stays_byte_for_byte() -> None:
    """Encodings, marks and line ends included."""
    data = "# coding: latin-1\r\nbad('é')\r\n\tx = 1".replace("\t", "").encode("latin-1")
    done = rewrite("net.py", data, lint(renamed))
    assert done.after == data.replace(b"bad", b"good")
    assert (done.fixed, done.hidden, done.left) == (1, 0, ())


def test_what_a_fix_uncovers_is_fixed_in_the_next_round() -> None:
    """Until nothing changes any more."""

    def peeled(file: SourceFile, call: ast.Call) -> Fix | None:
        assert isinstance(call.func, ast.Name)
        return replace(
            file, call.func, call.func.id[:-1] if call.func.id[-1] == "2" else "good", "peel", safe=True
        )

    done = rewrite("net.py", b"good(bad(bad(1)))\n", lint(peeled))
    assert done.after == b"good(good(good(1)))\n"
    assert done.fixed == 2


def test_a_finding_that_stays_is_not_tried_again() -> None:
    """Nor counted as fixed; another one of the rule is."""

    def vain(file: SourceFile, call: ast.Call) -> Fix | None:
        return add_argument(file, call, "training=True", "tell") if call.args else renamed(file, call)

    done = rewrite("net.py", b"x = 1; bad(bad(2), 3)\nbad()\n", lint(vain))
    assert done.after == b"x = 1; bad(bad(2, training=True), 3, training=True)\ngood()\n"
    assert (done.fixed, len(done.left)) == (1, 2)


def test_rounds_come_to_an_end() -> None:
    """Fixes that always uncover another one."""

    def grown(file: SourceFile, call: ast.Call) -> Fix | None:
        span = file.lines.stretch(1, 1, 1, 1)
        return Fix("grow", (Edit(span, "bad()\n"),), safe=True)

    done = rewrite("net.py", b"bad()\n", lint(grown))
    assert done.after.count(b"bad") <= 11


def test_unsafe_fixes_are_made_only_where_they_are_asked_for() -> None:
    """And counted as hidden where they are not."""

    def offer(file: SourceFile, call: ast.Call) -> Fix | None:
        return replace(file, call.func, "good", "rename", safe=bool(call.args))

    data = b"bad(1)\nbad()\n"
    shy, bold = rewrite("net.py", data, lint(offer)), rewrite("net.py", data, lint(offer), unsafe=True)
    assert (shy.after, shy.fixed, shy.hidden) == (b"good(1)\nbad()\n", 1, 1)
    assert (bold.after, bold.fixed, bold.hidden) == (b"good(1)\ngood()\n", 2, 0)


def test_a_file_whose_bytes_do_not_come_back_is_not_rewritten() -> None:
    """Where two ways to write a text exist, the other one would change the file elsewhere."""
    data = b"# coding: utf-7\nx = '+AGE-'\nbad(1)\n"
    with pytest.raises(Unreadable, match=r"net\.py: cannot be rewritten in its encoding \(utf-7\)"):
        rewrite("net.py", data, lint(renamed))


def test_a_fix_that_the_encoding_cannot_hold_is_not_made() -> None:
    """The file stays as it is."""
    data = b"# coding: ascii\nbad(1)\n"
    done = rewrite("net.py", data, lint(lambda f, c: replace(f, c.func, "gét", "rename", safe=True)))
    assert not done.changed
    assert done.fixed == 0


def test_a_fix_for_another_file_is_not_made_here() -> None:
    """Spans name the file that they are of."""

    def elsewhere(file: SourceFile, call: ast.Call) -> Fix | None:
        other = SourceFile.from_text(file.text, "other.py")
        return replace(other, next(other.every_call()), "good", "rename", safe=True)

    assert not rewrite("net.py", b"bad(1)\n", lint(elsewhere)).changed


def test_the_tally_says_what_was_done_and_what_is_hidden() -> None:
    """In one line, in the singular and in the plural."""

    def one(fixed: int, hidden: int) -> Rewritten:
        return Rewritten("net.py", b"", b"x" * fixed, fixed, hidden, ())

    assert tally([one(1, 0)], written=True) == "fixed 1 fault in 1 file"
    assert tally([one(2, 1), one(0, 0), one(1, 0)], written=True) == (
        "fixed 3 faults in 2 files; 1 more has an unsafe fix (--unsafe-fixes makes it)"
    )
    assert tally([one(0, 2)], written=False) == "2 faults have unsafe fixes (--unsafe-fixes makes them)"
    assert tally([one(1, 2)], written=False).startswith(
        "would fix 1 fault in 1 file; 2 more have unsafe fixes"
    )
    assert tally([one(0, 0)], written=True) == ""
