"""Fixes built from nodes: each keeps the file valid and means what it says."""

from __future__ import annotations

import ast
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck.finding import Fix
from evalcheck.rewriting.patch import patch
from evalcheck.source import SourceFile
from evalcheck.source.edits import add_argument, complement, gate, replace, together, wrap_in_call
from evalcheck.source.spelling import spelled


def read(text: str) -> SourceFile:
    return SourceFile.from_text(text, "net.py")


def mended(text: str, build: Callable[[SourceFile], Fix | None]) -> str | None:
    fix = build(read(text))
    if fix is None:
        return None
    done = patch({None: text}, [fix], lambda cell, new: ast.parse(new) is not None)
    assert done.taken == (0,)
    return done.pieces[None]


def named(file: SourceFile, name: str = "p") -> ast.expr:
    return next(n for n in ast.walk(file.tree) if isinstance(n, ast.Name) and n.id == name)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("f()", "f(t=1)"),
        ("f( )", "f( t=1)"),
        ("f(x)", "f(x, t=1)"),
        ("f((x))", "f((x), t=1)"),
        ("f(x,)", "f(x, t=1,)"),
        ("f((x) , )", "f((x), t=1 , )"),
        ("f(\n  x,  # it's (\n)", "f(\n  x, t=1,  # it's (\n)"),
        ("f(\n  (\n x  # )\n ) # )\n)", "f(\n  (\n x  # )\n ), t=1 # )\n)"),
        ("f(x, *a, **k)", "f(x, *a, **k, t=1)"),
        ("f(é='ß', x='#')", "f(é='ß', x='#', t=1)"),
        ("f(x for x in y)", None),
        ("f((x for x in y))", "f((x for x in y), t=1)"),
        ("f'{f(x)}'", None),
    ],
)
def test_an_argument_is_added_behind_the_last(call: str, told: str | None) -> None:
    """Outside of its parentheses, before a comma, whatever the comments say."""
    assert mended(call, lambda file: add_argument(file, next(file.every_call()), "t=1", "tell")) == told


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(x, p)", "f(x, p if self.training else 0.0)"),
        ("f(p=p)", "f(p=p if self.training else 0.0)"),
        ("y = p", "y = p if self.training else 0.0"),
        ("y = p * 2", "y = (p if self.training else 0.0) * 2"),
        ("y = -p", "y = -(p if self.training else 0.0)"),
        ("y = p.real", "y = (p if self.training else 0.0).real"),
        ("y = p[0]", "y = (p if self.training else 0.0)[0]"),
        ("y = a if p else b", "y = a if (p if self.training else 0.0) else b"),
        ("y = lambda: p", "y = lambda: (p if self.training else 0.0)"),
        ("y = [n for n in p]", "y = [n for n in (p if self.training else 0.0)]"),
        ("y = (p)", "y = (p if self.training else 0.0)"),
        ("y = f'{p}'", None),
    ],
)
def test_an_expression_is_gated_with_parentheses_where_they_are_needed(
    before: str, after: str | None
) -> None:
    """The gate takes in the expression, and nothing beside it."""
    assert mended(before, lambda file: gate(file, named(file), "self", "gate")) == after


def test_what_would_take_in_the_gate_gets_parentheses_of_its_own() -> None:
    """A conditional, a lambda."""

    def build(file: SourceFile) -> Fix | None:
        return gate(file, next(file.every_call()).args[0], "self", "gate", off="0")

    assert mended("f(a if b else c)", build) == "f((a if b else c) if self.training else 0)"
    assert mended("f(a + b)", build) == "f(a + b if self.training else 0)"
    assert mended("f(a or b)", build) == "f(a or b if self.training else 0)"


@given(
    st.sampled_from(
        ["{}", "2 * {}", "{} ** 2", "-{}", "{}[0]", "not {}", "[{}]", "{} < 1", "({}, 1)", "{}, 1"]
    ),
    st.sampled_from(
        [
            "p",
            "a + b",
            "a * b",
            "a if b else c",
            "lambda: a",
            "-a",
            "a or b",
            "a < b",
            "await_",
            "1.5",
            "a - b",
            "1 - a",
            "not a",
            "a ** b",
            "f(a)",
            "a[1]",
            "(a)",
            "a << b",
            "(yield)",
        ]
    ),
)
def test_a_gate_and_a_complement_read_as_one_value(around: str, inner: str) -> None:
    """Whatever stands in them and around them: the tree is the old one with one expression put in."""
    source = around.format(f"mark({inner})")
    for build, want in (
        (lambda f, n: gate(f, n, "self", "gate"), f"({inner}) if self.training else 0.0"),
        (lambda f, n: complement(f, n, "turn"), None),
    ):
        text = f"def g():\n    x = {source}\n"

        def fix(file: SourceFile, build: Callable[[SourceFile, ast.expr], Fix | None] = build) -> Fix | None:
            return build(file, next(file.every_call()))

        new = mended(text, fix)
        want = want or f"1 - mark({inner})"
        want = want if "mark" in want else want.replace(inner, f"mark({inner})", 1)
        assert new is not None
        assert ast.dump(ast.parse(new)) == ast.dump(
            ast.parse(f"def g():\n    x = {around.format(f'({want})')}\n")
        )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f(m=0.9)", "f(m=0.1)"),
        ("f(m=0.997)", "f(m=0.003)"),
        ("f(m=1)", "f(m=0.0)"),
        ("f(m=1 - d)", "f(m=d)"),
        ("f(m=1.0 - d)", "f(m=d)"),
        ("f(m=1 - (d))", "f(m=1 - (1 - (d)))"),
        ("f(m=d)", "f(m=1 - d)"),
        ("f(m=a + b)", "f(m=1 - (a + b))"),
        ("f(m=a * b)", "f(m=1 - a * b)"),
        ("f(m=a if b else c)", "f(m=1 - (a if b else c))"),
    ],
)
def test_a_complement_is_worked_out_where_it_can_be(before: str, after: str | None) -> None:
    """It is never safe."""

    def build(file: SourceFile) -> Fix | None:
        fix = complement(file, next(file.every_call()).keywords[0].value, "turn")
        assert fix is None or not fix.safe
        return fix

    if after is not None and "1 - (1 - " in after:
        assert mended(before, build) is None  # left to people
    else:
        assert mended(before, build) == after


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("from torch import nn", "nn.ModuleList"),
        ("import torch.nn as nn", "nn.ModuleList"),
        ("import torch", "torch.nn.ModuleList"),
        ("import torch.nn", "torch.nn.ModuleList"),
        ("import torch\nfrom torch import nn", "nn.ModuleList"),
        ("from torch.nn import ModuleList", "ModuleList"),
        ("from torch.nn import ModuleList as L", "L"),
        ("from torch.nn import *", "ModuleList"),
        ("import torch\nnn = torch.nn", "nn.ModuleList"),
        ("try:\n    from torch import nn\nexcept ImportError:\n    pass", "nn.ModuleList"),
        ("from torch.nn import Linear", None),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import nn", None),
        ("def other():\n    from torch import nn", None),
        ("from torch import nn\nnn = mine", None),
        ("from torch.nn import *\nclass ModuleList: pass", None),
    ],
)
def test_names_are_spelled_by_the_imports_of_the_file(head: str, name: str | None) -> None:
    """No import, no fix."""
    file = read(f"{head}\nclass A:\n    def f(self):\n        self.x = [1]\n")
    value = next(n for n in ast.walk(file.tree) if isinstance(n, ast.List))
    assert spelled(file, "torch.nn.ModuleList", value) == name


def test_a_name_that_a_function_binds_itself_is_not_the_import() -> None:
    """A parameter, an assignment; an import of its own is."""
    for body, name in (("nn = 1", None), ("pass", "nn.ModuleList")):
        file = read(f"from torch import nn\ndef f(x):\n    {body}\n    y = [1]\n")
        value = next(n for n in ast.walk(file.tree) if isinstance(n, ast.List))
        assert spelled(file, "torch.nn.ModuleList", value) == name
    file = read("def f(x):\n    from torch import nn\n    y = [1]\n")
    value = next(n for n in ast.walk(file.tree) if isinstance(n, ast.List))
    assert spelled(file, "torch.nn.ModuleList", value) == "nn.ModuleList"


def test_a_tuple_without_parentheses_gets_them_in_a_call() -> None:
    """Two arguments would be something else."""

    def build(file: SourceFile) -> Fix | None:
        value = next(n for n in ast.walk(file.tree) if isinstance(n, ast.Tuple))
        return wrap_in_call(file, value, "torch.nn.ModuleList", "wrap", safe=True)

    assert (
        mended("from torch import nn\nx = a, b", build) == "from torch import nn\nx = nn.ModuleList((a, b))"
    )
    assert (
        mended("from torch import nn\nx = (a), (b)", build)
        == "from torch import nn\nx = nn.ModuleList(((a), (b)))"
    )
    assert (
        mended("from torch import nn\nx = (a, b)", build) == "from torch import nn\nx = nn.ModuleList((a, b))"
    )


def test_changes_are_made_together_or_not_at_all() -> None:
    """One that cannot be written takes the others with it; safe if all are."""
    file = read("f(p, q)")
    one = replace(file, named(file), "1", "one", safe=True)
    two = replace(file, named(file, "q"), "2", "two", safe=False)
    both = together("both", [one, two])
    assert both is not None
    assert (len(both.edits), both.safe) == (2, False)
    assert together("both", [one, None]) is None
