"""The three formats: text held to golden files, Graphviz to its grammar, SVG to XML; all show every name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from evalcheck.drawing import FORMATS, render
from tests.drawing import graphviz
from tests.drawing.nets import Failing, Hourglass, Nested, Noisy, Residual, Twice, picture
from tests.reporters.keeping import kept

GOLDEN = Path(__file__).parent / "golden"
NETS = {
    "residual": lambda: picture(Residual()),
    "hourglass": lambda: picture(Hourglass()),
    "twice": lambda: picture(Twice()),
    "recursive": lambda: picture(Nested()),
    "noisy": lambda: picture(Noisy()),
    "stopped": lambda: picture(Failing()),
    "symbolic": lambda: picture(Residual(), batch=None),
}
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("view", ["diff", "train", "eval"])
@pytest.mark.parametrize("net", [Residual, Noisy])
def test_text_is_what_the_golden_file_says(net, view):
    """EVALCHECK_GOLDEN=1 rewrites the files; the change is then read in the diff."""
    text = render(picture(net(), view, net.__name__), width=80)
    assert text == kept(f"{net.__name__.lower()}-{view}", text, GOLDEN)


@pytest.mark.parametrize("name", NETS)
def test_text_of_every_kind_of_model_is_kept(name):
    """Called twice, recursive, stopped early, traced without an input: at 100 columns."""
    text = render(NETS[name](), width=100)
    assert text == kept(f"net-{name}", text, GOLDEN)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("width", [60, 80, 140])
def test_lines_keep_to_the_width(name, width):
    """What does not fit is cut, not wrapped."""
    text = render(NETS[name](), width=width)
    assert max(map(len, text.split("\n"))) <= width


@pytest.mark.parametrize("name", NETS)
def test_svg_is_well_formed_and_holds_every_name(name):
    """Unfolded, each module's name is the title of its box; without a script, and with text as text."""
    drawn = NETS[name]()
    root = ElementTree.fromstring(render(drawn, "svg", verbose=True))
    titles = {title.text.split(" ")[0].rstrip(",") for title in root.iter(f"{SVG}title")}
    names = {box.path for box in drawn.walk() if box.kind == "module" and box.path}
    assert names <= titles
    assert not list(root.iter(f"{SVG}script"))
    written = {"".join(text.itertext()) for text in root.iter(f"{SVG}text")}
    assert any(text.startswith("(model)") for text in written)


@pytest.mark.parametrize("name", NETS)
def test_svg_boxes_lie_inside_the_picture_and_not_on_each_other(name):
    """Two frames are one inside the other or apart."""
    root = ElementTree.fromstring(render(NETS[name](), "svg"))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    frames = [r for r in root.iter(f"{SVG}rect") if r.get("class") == "frame" and float(r.get("height")) > 14]
    places = [tuple(float(r.get(k)) for k in ("x", "y", "width", "height")) for r in frames]
    assert places
    for x, y, w, h in places:
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
    for n, (x, y, w, h) in enumerate(places):
        for u, v, p, q in places[n + 1 :]:
            apart = x + w <= u or u + p <= x or y + h <= v or v + q <= y
            inside = x <= u and y <= v and u + p <= x + w and v + q <= y + h
            assert apart or inside


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("verbose", [False, True])
def test_dot_is_graphviz(name, verbose):
    """It parses, its edges join nodes that are there, and it holds every name."""
    drawn = NETS[name]()
    nodes, edges, labels = graphviz.read(render(drawn, "dot", verbose=verbose))
    assert {end for edge in edges for end in edge} <= nodes
    said = "\n".join(labels)
    if verbose:
        assert all(box.path in said for box in drawn.walk() if box.kind == "module")


def test_a_name_with_quotes_spoils_neither_format():
    """Titles come from the command line, names from the user."""
    net = nn.Sequential()
    net.add_module('a"<b>&\\', nn.Conv2d(3, 3, 1))
    drawn = picture(net, title='"net" <&>')
    graphviz.read(render(drawn, "dot"))
    ElementTree.fromstring(render(drawn, "svg"))


def test_equal_blocks_are_drawn_once():
    """With how many there are, and the names of the first and the last."""
    text = render(picture(Residual(12)), width=100)
    assert "blocks.0 … 11" in text
    assert "Block × 12" in text
    assert text.count("BatchNorm2d") == 1
    assert render(picture(Residual(12)), width=100, verbose=True).count("BatchNorm2d") == 12


def test_what_is_joined_to_different_places_is_not_folded():
    """The levels of a U-Net are alike, but each has its own skip."""
    text = render(picture(Hourglass()), width=100)
    assert all(f"down.{level} " in text for level in range(3))


def test_projections_beside_each_other_are_not_a_repetition():
    """``query`` and ``key`` have the same structure, and a reader looks for both."""

    class Heads(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.query, self.key = nn.Linear(3, 3), nn.Linear(3, 3)

        def forward(self, x):
            return self.query(x) @ self.key(x).transpose(-1, -2)

    text = render(picture(Heads(), batch=torch.randn(2, 4, 3)))
    assert "query" in text
    assert "key" in text


def test_a_large_model_fits_a_screen():
    """Under sixty lines, and what was folded is said."""
    net = nn.Sequential(*(Residual(4).blocks.append(nn.Conv2d(4, n + 4, 1)) for n in range(9)))
    for n, part in enumerate(net):
        part[-1] = nn.Conv2d(4, 4, 1 + 2 * (n % 2), padding=n % 2)
    net.insert(0, nn.Conv2d(3, 4, 1))
    text = render(picture(net), width=80)
    assert text.count("\n") < 60
    assert "Folded" in text


def test_depth_closes_what_lies_deeper():
    """A closed module says what is inside, and whether that differs."""
    lines = render(picture(Residual()), depth=2, width=100).split("\n")
    (blocks,) = [line for line in lines if " blocks " in line]
    assert blocks.startswith("≠")
    assert "9 inside: 3 norms" in blocks


def test_colours_are_given_only_when_asked():
    """Not one escape without."""
    drawn = picture(Residual())
    assert "\x1b" not in render(drawn)
    assert "\x1b" in render(drawn, color=True)
    assert not any("\x1b" in render(drawn, format, color=True) for format in FORMATS[1:])


def test_quiet_leaves_the_legend_out():
    """The tree alone, under its summary."""
    assert "runs in" in render(picture(Residual()))
    assert "runs in train mode only" not in render(picture(Residual()), quiet=True)


def test_drawings_need_no_torch():
    """Plain data in, text out."""
    program = (
        "import sys; from evalcheck.drawing import render, FORMATS\n"
        "from evalcheck.picture import Box, Picture\n"
        "net = Picture('net', 'diff', (Box(1, '', '', 'Net', children=(Box(2, 'fc', 'fc', 'Linear'),)),))\n"
        "for format in FORMATS: assert 'fc' in render(net, format)\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
