"""The three formats: text held to golden files, Graphviz to its grammar, SVG to XML; all show every name."""

from __future__ import annotations

import random
import subprocess
import sys
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from torch import nn

from evalcheck.drawing import FORMATS, render
from tests.drawing import graphviz
from tests.drawing.nets import (
    IMAGE,
    Again,
    Encoder,
    Failing,
    Hourglass,
    Masked,
    Nested,
    Noisy,
    Residual,
    Siamese,
    Twice,
    picture,
)
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
    "siamese": lambda: picture(Siamese(), batch=(IMAGE, IMAGE + 1)),
    "encoder": lambda: picture(Encoder()),
    "masked": lambda: picture(Masked()),
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


def test_calls_of_one_module_beside_each_other_are_drawn_one_by_one():
    """Two branches are what makes a siamese network; both inputs are shown, and the norms counted once."""
    text = render(NETS["siamese"](), width=160)
    assert "call 1 of 2" in text
    assert "call 2 of 2" in text
    assert text.count("BatchNorm2d") == 2
    assert "1 batch norm, called 2 times, uses" in text
    assert "1 dropout, called 2 times, is active in train only" in " ".join(text.split())
    (given,) = [line for line in text.split("\n") if line.startswith("  input")]
    assert given.split("input")[1].strip() == "2x3x8x8, 2x3x8x8"


@pytest.mark.parametrize(
    ("times", "chained", "said"),
    [(5, True, "called 5 times"), (2, True, "called 2 times"), (5, False, "called 5 times, side by side")],
)
def test_calls_of_one_module_that_are_folded_are_no_neighbours_of_the_same_structure(times, chained, said):
    """In a row any number is one box, beside each other only many."""
    text = render(picture(Again(times, chained)), width=120)
    (line,) = [line for line in text.split("\n") if "cell  " in line]
    assert line.endswith(said)
    assert "×" not in line
    assert "Folded: calls of the same module, drawn once (called N times)." in text
    assert "neighbours" not in text


def test_a_repetition_is_of_one_mode_only_if_all_of_it_is():
    """The number that training alone draws before each layer is; the layers are not."""
    drawn = NETS["masked"]()
    text = render(drawn, width=120)
    (steps,) = [line for line in text.split("\n") if "steps × 3" in line]
    assert steps.startswith("≠")
    assert "train only" not in steps
    root = ElementTree.fromstring(render(drawn, "svg"))
    (group,) = [g for g in root.iter(f"{SVG}g") if (g.get("class") or "").startswith("steps")]
    assert "train" not in group.get("class")
    assert "train only" not in next(x for x in render(drawn, "dot").split("\n") if "steps × 3" in x)


def test_what_one_mode_alone_moves_is_not_left_out():
    """A mask that training writes is a difference; the same write in both modes is none."""
    text = render(NETS["masked"](), width=120)
    (line,) = [line for line in text.split("\n") if "setitem" in line and line.startswith("T")]
    assert line.endswith("train only")
    assert "run in train only (clone, setitem" in text.replace("\n", " ")


def test_what_is_returned_stands_in_its_order():
    """All of it, equal ones too; many equal ones are counted."""
    drawn = NETS["encoder"]()
    assert drawn.boxes[-1].inputs == drawn.boxes[1].outputs == ((2, 3, 8, 8), (2, 2, 8, 8), (2, 2, 8, 8))
    assert "2x3x8x8, 2x2x8x8, 2x2x8x8" in render(drawn, width=120)

    class Many(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)), [x * n for n in range(2, 6)]

    assert "2x3, 4 x 2x3x8x8" in render(picture(Many()), width=120)


def test_what_eval_mode_does_not_switch_off_has_a_sign():
    """In each format, in the legend, and on the module that hides it."""
    drawn = picture(nn.Sequential(nn.Sequential(nn.BatchNorm2d(3, track_running_stats=False), Noisy())))
    text = render(drawn, width=120)
    assert next(line[:1] for line in text.split("\n") if "BatchNorm2d" in line) == "!"
    assert "! still on in eval mode: not switched off" in text
    assert "1 batch norm uses batch statistics in both modes (!)" in text
    assert "1 dropout is active in eval too (!)" in text.replace("\n", " ")
    closed = render(drawn, depth=1, width=120)
    assert next(line for line in closed.split("\n") if "(model)" in line).startswith("!")
    assert "on in eval too" in closed
    assert 'class="module norm stuck"' in render(drawn, "svg")
    assert "still on in eval: not switched off" in render(drawn, "svg")
    assert "! norm: batch statistics" in render(drawn, "dot")
    assert "!" not in render(picture(Residual()), width=120)


def test_weights_that_are_normed_are_no_norm():
    """Weight norm is a parametrization, however its class is called."""
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 3, 1)))
    assert "no norm;" in render(picture(net), width=120)


def test_layers_that_vanish_by_chance_are_said_to():
    """Python's numbers decide here which layers run."""

    class Skipping(Again):
        def forward(self, x):
            return x if random.random() < 2 and self.training else self.cell(x)

    said = "python or numpy numbers were drawn: which modules run may be left to chance"
    assert said in render(picture(Skipping(1, True)), width=200)
    assert said not in render(picture(Again(1, True)), width=200)


def test_marks_survive_a_narrow_terminal():
    """Long names and classes are shortened first."""

    class ALongNameForWhatOnlyDropsSomethingNowAndThen(nn.Dropout):
        pass

    net = ALongNameForWhatOnlyDropsSomethingNowAndThen(0.1)
    for depth in range(6):
        net = nn.Sequential(OrderedDict({f"the_{depth}_th_level_of_it_all": net}))
    line = next(line for line in render(picture(net), width=80).split("\n") if "| off" in line)
    assert line.endswith("dropout: p=0.1 | off")
    assert len(line) <= 80


def test_notes_stand_below_the_picture():
    """Where the input comes from, in the svg as in the text."""
    drawn = replace(picture(Residual()), notes=("the input was made up",))
    for format in ("text", "svg"):
        assert "The input was made up" in render(drawn, format)


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
