"""The picture as Graphviz source: a cluster for each module that is drawn open."""

from __future__ import annotations

from collections.abc import Iterator

from evalcheck.drawing import summary, words
from evalcheck.picture import Box, Picture

ROOM = 60
FILLS = {"norm": "#dbeafe", "noise": "#ffedd5", "dropout": "#ffedd5", "plain": "#ffffff"}
LINES = {"train": "#15803d", "eval": "#7e22ce", None: "#334155"}
DIFFERS, STUCK = "#dc2626", "#9a3412"


def render(picture: Picture, shown: Picture, **options: object) -> str:
    """A digraph: norms blue, noise orange, red where the modes differ, dashed what one mode alone runs.

    What eval mode does not switch off has a thick brown border and ``!``.
    """
    lines = [
        "digraph model {",
        f"  label={_quoted(summary.sentence(picture))}; labelloc=t; fontname=Helvetica; compound=true;",
        '  node [shape=box, style="rounded,filled", fontname=Helvetica, fontsize=11, fillcolor=white];',
        '  edge [color="#64748b", arrowsize=0.7];',
        *(line for box in shown.boxes for line in _box(box, "  ")),
    ]
    for edge in shown.edges:
        style = f' [style=dashed, color="{LINES[edge.only]}"]' if edge.only else ""
        lines.append(f"  n{edge.source} -> n{edge.target}{style};")
    return "\n".join([*lines, "}"]) + "\n"


def _box(box: Box, indent: str) -> Iterator[str]:
    title = " ".join(filter(None, (words.name(box), words.kind(box))))
    label = _quoted("\n".join(filter(None, (title, words.shapes(box), _told(box)))))
    if not box.children:
        yield f"{indent}n{box.key} [label={label}, {_look(box)}];"
        return
    # Repetitions have keys of their own, below zero; a name cannot hold a minus.
    yield f"{indent}subgraph cluster_{str(box.key).replace('-', 'r')} {{"
    style = "rounded,dashed" if box.kind == "steps" or box.only else "rounded"
    yield f'{indent}  label={label}; style="{style}"; color="{_line(box)}"; fontsize=11;'
    for child in box.children:
        yield from _box(child, indent + "  ")
    yield f"{indent}}}"


def _told(box: Box) -> str:
    return f"{words.sign(box)} {words.marks(box)}".strip()


def _look(box: Box) -> str:
    style = "rounded,filled,dashed" if box.only else "rounded,filled"
    shape = "" if box.kind == "module" else ", shape=ellipse"
    thick = ", penwidth=2.5" if words.sign(box) == words.STUCK else ""
    return f'fillcolor="{FILLS[box.role]}", color="{_line(box)}", style="{style}"{shape}{thick}'


def _line(box: Box) -> str:
    colours = {words.DIFFERS: DIFFERS, words.STOPPED: DIFFERS, words.STUCK: STUCK}
    return colours.get(words.sign(box), LINES[box.only])


def _quoted(text: str) -> str:
    r"""A string of Graphviz: quotes and backslashes escaped, lines broken by ``\n``."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
