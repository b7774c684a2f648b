"""Turns the parser's positions into the ones people use: characters, counted from one."""

from __future__ import annotations

import re

from evalcheck.finding import Span

# What Python's parser takes for the end of a line; str.splitlines knows more (form feeds, ...).
LINE_END = re.compile(r"\r\n|\r|\n")


class Lines:
    """The lines of one text, and spans of it.

    ``line``, ``column`` and ``between`` take line numbers of the text that was parsed, as nodes have them;
    those of a span may be others (see :meth:`number`).
    """

    def __init__(self, text: str, path: str) -> None:
        self.path = path
        self.all = LINE_END.split(text)

    def line(self, number: int) -> str:
        """A line by its number, empty outside of the text."""
        return self.all[number - 1] if 0 < number <= len(self.all) else ""

    def number(self, span: Span) -> int:
        """The parser's number of the line that a span begins in: another one in a notebook."""
        return span.line

    def column(self, number: int, offset: int) -> int:
        """The column of a byte offset: the parser counts UTF-8 bytes from zero."""
        line = self.line(number)
        if line.isascii():
            return offset + 1
        encoded = line.encode("utf8", "surrogatepass")
        return len(encoded[:offset].decode("utf8", "ignore")) + 1

    def span(self, line: int, offset: int, end_line: int, end_offset: int) -> Span:
        """A span of two positions as the parser gives them."""
        return self.stretch(line, self.column(line, offset), end_line, self.column(end_line, end_offset))

    def stretch(self, line: int, column: int, end_line: int, end_column: int) -> Span:
        """A span of two positions in the parser's lines and in columns."""
        return Span(self.path, line, column, end_line, end_column, text=self.line(line).strip())

    def between(self, line: int, offset: int, end_line: int, end_offset: int) -> str:
        """The text from one position to another."""
        first, last = self.column(line, offset) - 1, self.column(end_line, end_offset) - 1
        if line == end_line:
            return self.line(line)[first:last]
        middle = [self.line(n) for n in range(line + 1, end_line)]
        return "\n".join([self.line(line)[first:], *middle, self.line(end_line)[:last]])
