"""What IPython allows in a cell beside Python, and a cell's text without it, line for line."""

from __future__ import annotations

import ast
import re
import warnings

# Cell magics whose body is Python and runs.
_RUNS_BODY = re.compile(r"%%(?:time|timeit|capture|prun|memit|mprun|heat|snakeviz|python3?|pypy)\b")
_CELL_MAGIC = re.compile(r"\s*(%%\w+)")
# A statement that is a magic, a shell command, or a question.
_MAGIC = re.compile(r"(?P<margin>\s*)(?:%%?\w|!|\?|[A-Za-z_%][\w.*]*\?\??\s*$)")
_GIVEN = re.compile(r"(?P<given>\s*[A-Za-z_][\w.\[\], '\"*]*=\s*)(?:!|%\w)")
_TIMED = re.compile(r"\s*%time\s+(?P<body>\S.*)")
# What a line holds, so far as it decides where a statement ends.
_TOKEN = re.compile(r'"""|\'\'\'|"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|#.*|[([{]|[)\]}]|\\$|\\.')


def parses(text: str) -> bool:
    """Whether a text can stand as Python behind other Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(f"\n{text}")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def language_of(source: str) -> str | None:
    """The magic that makes a whole cell something else than Python to be read here: ``%%bash``."""
    found = _CELL_MAGIC.match(source)
    return found[1] if found and not _RUNS_BODY.match(found[1]) else None


def left_out(source: str) -> str:
    """A cell with ``pass`` or ``None`` for magics where statements begin; lines and columns stay."""
    if language_of(source) is not None:
        return "\n" * source.count("\n")
    lines = source.split("\n")
    kept: list[str] = []
    state = _State()
    while len(kept) < len(lines):
        line = lines[len(kept)]
        plain = _without_magic(line) if state.fresh else None
        if plain is None:
            state.read(line)
            kept.append(line)
            continue
        kept.append(plain)
        while line.endswith("\\") and len(kept) < len(lines):  # a command that goes on
            line = lines[len(kept)]
            kept.append("")
    return "\n".join(kept)


def _without_magic(line: str) -> str | None:
    """Python for a line that is a magic; None for any other line."""
    given = _GIVEN.match(line)
    if given is not None:
        return f"{given['given']}None"
    magic = _MAGIC.match(line)
    if magic is None:
        return None
    timed = _TIMED.match(line)
    if timed is not None and parses(timed["body"]):
        before = timed.start("body") - len(magic["margin"])
        return f"{magic['margin']}{'True;'.ljust(before)}{timed['body']}"
    return f"{magic['margin']}pass"


class _State:
    """Where a line of Python leaves off: inside of brackets, of a string, or at the end of a statement."""

    def __init__(self) -> None:
        self._depth = 0
        self._quotes = ""
        self._continued = False

    @property
    def fresh(self) -> bool:
        """Whether the next line begins a statement."""
        return not (self._depth or self._quotes or self._continued)

    def read(self, line: str) -> None:
        at, self._continued = 0, False
        while at < len(line):
            if self._quotes:
                end = re.compile(rf"(?:[^\\]|\\.)*?{self._quotes}").match(line, at)
                if end is None:
                    return
                at, self._quotes = end.end(), ""
                continue
            token = _TOKEN.search(line, at)
            if token is None:
                return
            at, found = token.end(), token[0]
            if found in ('"""', "'''"):
                self._quotes = found
            elif found in ("(", "[", "{"):
                self._depth += 1
            elif found in (")", "]", "}"):
                self._depth = max(0, self._depth - 1)
            elif found == "\\" and at == len(line):
                self._continued = True
