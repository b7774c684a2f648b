"""Text for GitHub's Markdown: what a message holds can neither be markup, nor HTML, nor call somebody."""

from __future__ import annotations

import re

_SIGNS = re.compile(r"([\\`*_\[\]|~$])")
# At the beginning of a line these would make a list, a heading or a rule.
_FIRST = re.compile(r"^(?=[-+#=])|^(\d+)(?=[.)](?:\s|$))")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
# Stands behind a sign that GitHub would make a link of: seen by nobody.
JOINER = "\u2060"
# What GitHub makes of text by itself: people, issues, pictures.
_LINKS = re.compile(r"@(?=\w)|#(?=\d)|:(?=[+\-\w]*[a-z][+\-\w]*:)")


def html(text: str) -> str:
    """For the inside of an HTML element, where no Markdown is read: one line."""
    plain = _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _unlinked(plain)


def inline(text: str) -> str:
    """For a sentence or a table's cell: one line."""
    return _FIRST.sub(r"\1\\", _SIGNS.sub(r"\\\1", html(text)))


def prose(text: str) -> str:
    """A sentence, of no table, in which commands stand in backticks, their signs as they are: one line."""
    parts = re.split(r"`([^`]+)`", _one_line(text))
    return "".join(f"`{part}`" if place % 2 else _between(part) for place, part in enumerate(parts))


def _between(text: str) -> str:
    """What stands beside a command keeps the spaces at its ends."""
    return f"{' ' * text.startswith(' ')}{inline(text)}{' ' * (text.endswith(' ') and len(text) > 1)}"


def code(text: str) -> str:
    """As code within a line, in a table's cell too."""
    return f"<code>{_SIGNS.sub(lambda sign: f'&#{ord(sign[0])};', html(text))}</code>"


def fenced(lines: list[str], language: str = "text") -> str:
    """A block of code, its fence longer than any row of backticks inside."""
    body = "\n".join(_CONTROL.sub("\ufffd", line) for line in lines)
    longest = max((len(row) for row in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _one_line(text: str) -> str:
    return _CONTROL.sub("\ufffd", " ".join(text.split()))


def _unlinked(text: str) -> str:
    return _LINKS.sub(lambda found: f"{found[0]}{JOINER}", text)
