"""Which lines of the user's files a model can run: sightings elsewhere are of other models."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalcheck.checkup import own_code
from evalcheck.cli import target
from evalcheck.finding import Place, Sighting, Span
from tests.cli.calling import write

BASES = """
    from functools import wraps
    from torch import nn

    def plain(function):
        @wraps(function)
        def run(*args):
            return function(*args)
        return run

    class Base(nn.Module):
        rate = 0.5  # body

        def forward(self, x):
            return x  # base forward

        @plain
        def head(self, x):
            return x  # base head

        @property
        def width(self):
            return 1  # base width

        def tail(self, x):
            return x  # base tail

        alias = lambda self: 2  # lambda

    class Overrides(Base):
        @plain
        def forward(self, x):
            return x  # own forward

        def head(self, x):
            return x

        @property
        def width(self):
            return 2

        def alias(self):
            return 3

    class HandsOn(Base):
        def forward(self, x):
            return super().forward(x)

    class Deeper(Overrides):
        def forward(self, x):
            return super().forward(x)

    class ByName(Overrides):
        def forward(self, x):
            return Base.forward(self, x)

    class Elsewhere(Overrides):
        def features(self, x):
            return super(Overrides, self).forward(x)

    class Both(nn.Module):
        def __init__(self):
            super().__init__()
            self.parts = nn.ModuleList([Overrides(), Base()])

        def forward(self, x):
            return self.parts[0](x)

    def inner():
        class Local(Base):
            def forward(self, x):
                return x  # local forward
        return Local()
"""
KEPT = {"body", "base tail", "lambda"}
ALL = {*KEPT, "base forward", "base head", "base width"}


@pytest.mark.parametrize(
    ("name", "reached"),
    [
        ("Base", ALL),
        ("Overrides", {*KEPT, "own forward"}),
        ("HandsOn", ALL),
        ("Deeper", {*KEPT, "own forward"}),
        ("ByName", {*KEPT, "base forward"}),
        ("Elsewhere", {*KEPT, "own forward", "base forward"}),
        ("Both", {*ALL, "own forward"}),
        ("inner", {*ALL, "local forward"} - {"base forward"}),
    ],
)
def test_overridden_methods_of_a_base_class_are_not_the_models(
    folder: Path, name: str, reached: set[str]
) -> None:
    """Unless some class of the model still has them, or reaches them by super() or by their class."""
    write(folder, "bases.py", BASES)
    within = own_code.defining(target.load(f"bases.py:{name}").model)
    seen = set()
    for number, line in enumerate((folder / "bases.py").read_text().split("\n"), 1):
        _, comment, said = line.partition("# ")
        place = Place(Span("bases.py", number, 1, number, 2))
        if comment and within(Sighting("source", place, "it is so")):
            seen.add(said)
    assert seen == reached


def test_a_model_is_not_told_of_a_forward_that_it_never_runs(folder: Path) -> None:
    """The whole way: the base's ungated dropout is the base's alone."""
    import evalcheck

    write(
        folder,
        "drops.py",
        """
        import torch.nn.functional as F
        from torch import nn

        class Base(nn.Module):
            def forward(self, x):
                return F.dropout(x, 0.5)

        class Calm(Base):
            def forward(self, x):
                return x
        """,
    )
    rules = {
        name: {f.rule for f in evalcheck.check(target.load(f"drops.py:{name}").model).findings}
        for name in ("Base", "Calm")
    }
    assert rules["Base"] == {"functional-dropout-ungated"}
    assert rules["Calm"] == set()


def test_other_models_of_the_targets_file_are_not_held_against_it(folder: Path) -> None:
    """The file's training code concerns the model, the networks beside it do not."""
    (folder / "two.py").write_text(
        "import torch\n"
        "from torch import nn\n"
        "from torch.nn import functional as F\n\n\n"
        "class Loose(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return F.dropout(x)\n\n\n"
        "class Used(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return F.dropout(x, 0.1)\n\n\n"
        "def stop(model):\n"
        "    model = Used()\n"
        "    model.eval\n\n\n"
        "def build_model():\n"
        "    return Used()\n"
    )
    from evalcheck.checkup import own_code
    from evalcheck.checkup.reading import read
    from evalcheck.cli import target
    from evalcheck.engine import Answers
    from evalcheck.settings import Settings

    found = target.load("two.py:build_model")
    answers = Answers()
    read(answers, found.files, Settings(), own_code.concerning(found.model, found.files[0]))
    lines = {s.place.span.line for seen in answers.sightings.values() for s in seen if s.place.span}
    assert lines == {13, 18}
