"""A traced model folded to its modules: boxes, what they do in each mode, what flows between them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from evalcheck import graph
from evalcheck.graph import folding
from tests.drawing.nets import Failing, Hourglass, Noisy, Residual, Twice, box, picture
from tests.graph import models


def ways(drawn: object) -> set[tuple[str, str]]:
    """The edges by what stands on the boxes."""
    names = {b.key: (b.path if b.kind == "module" else b.label) for b in drawn.walk()}
    return {(names[e.source], names[e.target]) for e in drawn.edges}


def test_modules_are_in_modules_and_operations_in_the_forward_that_calls_them():
    """The tree has the names of ``named_modules()`` and the order of execution."""
    drawn = picture(Residual(1))
    model = drawn.boxes[1]
    assert [b.kind for b in drawn.boxes] == ["input", "module", "output"]
    assert [b.label for b in model.children] == ["stem", "blocks", "mean", "dropout", "head", "aux"]
    block = box(drawn, "blocks.0")
    assert [b.label for b in block.children] == ["blocks.0.conv", "blocks.0.norm", "add", "relu"]
    assert {b.path for b in drawn.walk()} <= {name for name, _ in Residual(1).named_modules()}


def test_boxes_know_their_shapes():
    """What goes into a call, and what of it is used outside."""
    drawn = picture(Residual(1))
    assert (box(drawn, "stem").inputs, box(drawn, "stem").outputs) == (((2, 3, 8, 8),), ((2, 4, 8, 8),))
    assert box(drawn, "blocks").outputs == ((2, 4, 8, 8),)
    assert box(drawn, "mean").outputs == ((2, 4),)


def test_edges_lead_from_maker_to_user():
    """A skip goes round the layers; the input is where all begins."""
    assert ways(picture(Residual(1))) == {
        ("input", "stem"),
        ("stem", "blocks.0.conv"),
        ("blocks.0.conv", "blocks.0.norm"),
        ("blocks.0.norm", "add"),
        ("stem", "add"),
        ("add", "relu"),
        ("relu", "mean"),
        ("mean", "dropout"),
        ("mean", "aux"),
        ("dropout", "head"),
        ("aux", "output"),
        ("head", "output"),
    }


def test_every_edge_goes_forward():
    """Keys grow with execution, in models of all kinds."""
    for net in (Residual(), Hourglass(), Twice(), Noisy()):
        drawn = picture(net)
        assert drawn.edges
        assert all(edge.source < edge.target for edge in drawn.edges)


def test_norms_and_noise_say_what_they_do_in_each_mode():
    """Batch norm, dropout and home-made noise differ; a frozen norm and a rate of zero do not."""
    drawn = picture(Residual(1))
    assert (box(drawn, "blocks.0.norm").train, box(drawn, "blocks.0.norm").eval) == (
        "batch statistics",
        "running statistics",
    )
    assert (box(drawn, "dropout").train, box(drawn, "dropout").eval) == ("p=0.5", "off")
    noisy = picture(Noisy())
    found = {name: box(noisy, name) for name in ("path", "never", "frozen", "dropout", "randn_like")}
    assert {name: (b.role, b.train, b.eval, b.differs) for name, b in found.items()} == {
        "path": ("noise", "random", "off", True),
        "never": ("dropout", "p=0", "p=0", False),
        "frozen": ("norm", "running statistics", "running statistics", False),
        "dropout": ("dropout", "p=0.2", "p=0.2", False),
        "randn_like": ("noise", "random", "random", False),
    }


def test_what_runs_in_one_mode_only_says_so():
    """Both the module and its edges."""
    drawn = picture(Residual(1))
    aux = box(drawn, "aux")
    assert aux.only == "train"
    assert {e.only for e in drawn.edges if aux.key in (e.source, e.target)} == {"train"}
    assert [b.path for b in drawn.walk() if b.only] == ["aux"]


@pytest.mark.parametrize(("view", "state"), [("train", ("p=0.5", None)), ("eval", (None, "off"))])
def test_one_mode_alone_has_nothing_to_compare(view, state):
    """No box is marked as of one mode; the other mode's state is unknown."""
    drawn = picture(Residual(1), view)
    assert (box(drawn, "dropout").train, box(drawn, "dropout").eval) == state
    assert not any(b.only or b.differs for b in drawn.walk())
    assert ("aux" in {b.path for b in drawn.walk()}) == (view == "train")


def test_each_call_of_a_module_is_a_box():
    """Also of one that calls itself; what is never called is not drawn."""
    drawn = picture(Twice())
    assert [(b.call, b.calls) for b in drawn.walk() if b.path == "shared"] == [(0, 2), (1, 2)]
    first = box(drawn, "inner")
    assert [b.path for b in first.walk()] == ["inner", "inner.conv"] * 3
    assert "idle" not in {b.path for b in drawn.walk()}


def test_a_forward_that_stops_is_drawn_as_far_as_it_came():
    """The module where it stopped is marked, and a gap says why: once where both modes say the same."""
    drawn = picture(Failing())
    assert box(drawn, "second").failed
    assert not box(drawn, "first").failed
    assert [gap.split(":")[0] for gap in drawn.gaps] == ["both modes"]
    assert [gap.split(":")[0] for gap in picture(Failing(), "eval").gaps] == ["eval mode"]
    assert all("in second" in gap for gap in drawn.gaps)


def test_without_a_batch_the_symbolic_trace_is_folded_alike():
    """Containers, operations and calls are as in the recorded one; shapes are unknown."""
    for net in (Residual(1), Hourglass()):
        recorded, symbolic = picture(net, "eval"), picture(net, "eval", batch=None)
        assert not symbolic.shaped
        names = [[b.path for b in d.walk() if b.kind == "module"] for d in (recorded, symbolic)]
        assert names[0] == names[1]
        assert not any(b.outputs for b in symbolic.walk())
    drawn = picture(Residual(1), batch=None)
    assert box(drawn, "blocks.0.norm").differs
    assert box(drawn, "dropout").differs
    assert box(drawn, "aux").only == "train"


def test_a_model_that_cannot_be_traced_at_all_gives_gaps():
    """No batch, and control flow that symbolic tracing does not follow."""
    drawn = picture(models.ValueControl(), batch=None)
    assert drawn.boxes == ()
    assert [gap.split(":")[0] for gap in drawn.gaps] == ["both modes"]


def test_counters_and_torchs_own_insides_are_not_drawn():
    """A batch norm counts its batches, a linear layer calls a function: neither is news."""
    drawn = picture(nn.Sequential(nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)))
    assert {b.kind for b in drawn.walk()} == {"input", "module", "output"}


def test_hard_models_are_folded():
    """In-place writes, dataclasses, custom functions, checkpointing: each gives a picture."""
    for name, (net, args, kwargs) in models.hard().items():
        view = graph.read(net, lambda m, a=args, k=kwargs: m(*a, **k))
        drawn = folding.picture(view, "diff", name)
        assert sum(b.kind == "module" for b in drawn.walk()) >= len({c.path for c in view.eval.sequence}), (
            name
        )


def test_attention_and_recurrent_layers_have_dropout_of_their_own():
    """It is an argument there, not a module."""
    encoder = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)
    drawn = picture(encoder, batch=torch.randn(2, 5, 8))
    assert (box(drawn, "self_attn").train, box(drawn, "self_attn").eval) == ("p=0.1", "off")
    lstm = nn.Sequential(nn.LSTM(8, 4, num_layers=2, dropout=0.3))
    assert box(picture(lstm, batch=torch.randn(2, 5, 8)), "0").train == "p=0.3"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_scripted_part_is_one_box_that_makes_its_output():
    """Nothing is seen inside; the edges go through it, and what it draws is no other layer's noise."""
    inner = torch.jit.script(nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5)))
    drawn = picture(nn.Sequential(inner, nn.Linear(3, 2)), batch=torch.randn(4, 3))
    assert ways(drawn) == {("input", "0"), ("0", "1"), ("1", "output")}
    assert box(drawn, "0").outputs == ((4, 3),)
    assert box(drawn, "1").role == "plain"
    assert drawn.gaps == ("0: the module is scripted or traced: what happens inside it is not seen",)


def test_a_drop_path_without_a_trace_in_eval_mode_is_the_same_call():
    """It returns what it was given there, between operations that are in both traces."""
    noisy = picture(Noisy())
    assert box(noisy, "path").only is None
    assert not [b for b in noisy.walk() if b.only and b.kind == "module"]


def test_a_recurrent_layer_shows_its_output_first():
    """The last state is what is used here, but not what the layer returns first."""

    class Last(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(8, 4, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[1][0][-1]

    assert box(picture(Last(), batch=torch.randn(2, 5, 8)), "lstm").outputs == (
        (2, 5, 4),
        (1, 2, 4),
        (1, 2, 4),
    )


def test_outputs_of_both_modes_are_joined():
    """In the order of training; what evaluation returns besides comes after."""

    class Detector(nn.Module):
        def forward(self, x):
            pooled = x.mean((2, 3))
            return (pooled, pooled.sum()) if self.training else (pooled, x + 1, x + 2)

    drawn = picture(Detector())
    assert drawn.boxes[-1].inputs == ((2, 3), (), (2, 3, 8, 8), (2, 3, 8, 8))


def test_what_only_the_mode_moves_is_shown_once_where_all_of_it_is_of_that_mode():
    """In a head that training alone has, a reshape is no news; nor is what autograd is told."""

    class Head(nn.Module):
        def forward(self, x):
            return x.flatten(1)

    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = Head()

        def forward(self, x):
            if not self.training:
                return x * 2
            x = x * 2
            x.requires_grad_()
            return x, self.head(x), x.flatten(2)

    drawn = picture(Heads())
    assert [(b.path, b.plumbing) for b in drawn.walk() if b.label == "flatten"] == [
        ("head", True),
        ("", False),
    ]
    assert not any(b.label == "requires_grad" and not b.plumbing for b in drawn.walk())
