"""Reads the text of a terminal's picture as a reader sees it."""

from __future__ import annotations

from collections import defaultdict
from xml.etree import ElementTree

CHARACTER = 12.2
TEXT = "{http://www.w3.org/2000/svg}text"


def text_of(svg: str) -> str:
    """The title, then the rows from top to bottom, each piece of text in the column where it stands.

    Rich leaves out what is only spaces, so that the column tells where one word ends.
    """
    titles: list[str] = []
    rows: dict[float, dict[int, str]] = defaultdict(dict)
    for element in ElementTree.fromstring(svg).iter(TEXT):
        text = "".join(element.itertext()).replace("\xa0", " ")
        if "title" in element.get("class", ""):
            titles.append(text)
        else:
            rows[float(element.attrib["y"])][round(float(element.attrib["x"]) / CHARACTER)] = text
    return "\n".join([*titles, *(_row(rows[y]) for y in sorted(rows))])


def _row(pieces: dict[int, str]) -> str:
    row = ""
    for column, text in sorted(pieces.items()):
        row = row.ljust(column) + text
    return row.rstrip()
