"""Which rules a file could concern, by its bytes: never fewer than the plain meaning of the pages says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalcheck import rulebook
from evalcheck.source.triggers import Triggers
from evalcheck.source.vocabulary import Vocabulary

WORDS = [
    b".train(",
    b"F.dropout",
    b"DataLoader",
    b"= []",
    b"nn.",
    b"rand",
    b"def forward",
    b"load_state_dict(",
]
PIECES = [
    "self",
    ".train(",
    "train",
    "ing",
    "F",
    ".",
    "dropout",
    "Data",
    "Loader",
    " ",
    "\n",
    "(",
    "= []",
    "nn",
    "_x",
    "é",
]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=12), max_size=6))
def test_a_word_that_is_there_is_possible(texts: list[list[str]]) -> None:
    """Whatever was read before, in whatever order."""
    vocabulary = Vocabulary(WORDS)
    for pieces in texts:
        data = "".join(pieces).encode()
        possible = vocabulary.possible(data)
        assert {word for word in WORDS if word in data} <= possible


def test_a_word_that_is_not_there_is_mostly_ruled_out() -> None:
    """Or nothing would be gained."""
    vocabulary = Vocabulary(WORDS)
    assert vocabulary.possible(b"import os\nos.getcwd()\n") == {b"= []", b"nn."}


@pytest.mark.parametrize(
    ("parts", "text", "here"),
    [
        (["dropout", r"/dropout\(x/"], "y = F.dropout(x)", True),
        (["dropout", r"/dropout\(x/"], "y = F.dropout(y)", False),
        (["dropout"], 'def f():\n    """F.dropout(x) drops."""\n', False),
        (["dropout"], 'def f():\n    """Drops."""\n    F.dropout(x)\n    """dropout"""\n', True),
        (["dropout"], 'QUOTE = \'"""\'\nF.dropout(x)\n', True),
        (["dropout"], 'QUOTE = \'"""\'\nclass A:\n    F.dropout(x)\nOTHER = \'"""\'\n', True),
    ],
)
def test_an_alternative_needs_all_its_parts_in_code(parts: list[str], text: str, here: bool) -> None:
    """Prose in docstrings is no code; where quotes stand within quotes, all is taken for code."""
    assert Triggers({"rule": [parts]}).concerned(text.encode()) == (["rule"] if here else [])


def test_rules_come_in_the_order_of_their_names() -> None:
    """Findings must not depend on which alternative was met first."""
    reads = {"b": [["one"]], "a": [["two"], ["one"]]}
    assert Triggers(reads).concerned(b"one two") == ["b", "a"]


@pytest.mark.parametrize("name", [name for name, rule in rulebook.load().items() if rule.reads])
def test_the_pages_patterns_end_on_long_lines(name: str) -> None:
    """Generated files have lines without end: no pattern may go over them again and again."""
    reads = rulebook.find(name).reads
    words = " ".join(part for parts in reads for part in parts if part[0] != "/").encode()
    line = (b"self.x = [nn.Linear(self.training, self.running_mean), f(dropout(x, [(" + words + b" ") * 200
    data = b"import torch\nclass A:\n  def forward(self, x):\n    " + line + b"\n" + b"    " * 4000 + b"\n"
    assert Triggers({name: reads}).concerned(data) in ([], [name])
