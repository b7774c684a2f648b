"""What is read of norms, of overridden modes and of state, where a page has no room for it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from evalcheck import checks, rulebook
from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.normalisation.momentum import origins, settings
from evalcheck.source.normalisation.norm_layers import built_norms
from evalcheck.source.project import Project
from evalcheck.source.switches.mode_sides import side

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def parsed(code: str) -> SourceFile:
    return SourceFile.from_text(HEAD + code, "net.py")


def asked(rule: str, file: SourceFile) -> list[Sighting]:
    found = checks.find("source", rule)(file, dict(rulebook.find(rule).options))
    return [sighting for sighting in found if isinstance(sighting, Sighting)]


def numbers(code: str) -> list[float]:
    file = parsed(code)
    return [o.value for s in settings(file) if s.name == "momentum" for o in origins(file, s.value)]


@pytest.mark.parametrize(
    ("call", "momentum"),
    [
        ("nn.BatchNorm2d(8, 1e-3, 0.3)", 0.3),
        ("nn.LazyBatchNorm2d(1e-3, 0.3)", 0.3),
        ("nn.SyncBatchNorm(8, momentum=0.3)", 0.3),
        ("nn.BatchNorm1d(8)", None),
        ("nn.BatchNorm1d(*sizes)", None),
    ],
)
def test_arguments_by_position_and_name(call: str, momentum: float | None) -> None:
    """A norm's arguments are found in torch's order, which the lazy ones begin one later."""
    (layer,) = built_norms(parsed(f"norm = {call}\n"))
    found = layer.given("momentum")
    assert (ast.literal_eval(found) if found is not None else None) == momentum


def test_a_heir_of_a_norm_hands_its_default_on() -> None:
    """``super().__init__(c, eps, momentum)`` counts as building the norm."""
    code = "class Norm(nn.BatchNorm2d):\n    def __init__(self, c, momentum=0.9):\n"
    assert numbers(f"{code}        super().__init__(c, 1e-5, momentum)\n") == [0.9]


@pytest.mark.parametrize(
    "code",
    [
        "def f(m=0.9):\n    return nn.BatchNorm2d(8, momentum=1 - m)\n",
        "def f(m=0.9):\n    m = 1 - m\n    return nn.BatchNorm2d(8, momentum=m)\n",
        "def f(m=0.9):\n    return nn.BatchNorm2d(8, momentum=m)\nf(0.1 * 2)\n",
        "def f(m=0.9):\n    return nn.BatchNorm2d(8, momentum=m)\nf(**options)\n",
    ],
)
def test_arithmetic_and_other_callers_end_the_search(code: str) -> None:
    """A number that is turned around, or that a caller overrides, does not reach the norm."""
    assert 0.9 not in numbers(code)


def test_a_configuration_in_another_file(tmp_path: Path) -> None:
    """The default of a configuration is reported where it stands, once for all norms that get it."""
    config = "class NetConfig:\n    bn_momentum: float = 0.99\n"
    (tmp_path / "__init__.py").write_text("")
    (tmp_path / "configuration.py").write_text(config)
    net = (
        "from torch import nn\nfrom .configuration import NetConfig\nclass Net(nn.Module):\n"
        "    def __init__(self, config: NetConfig):\n        super().__init__()\n"
        "        self.config = config\n"
        "        self.a = nn.BatchNorm2d(8, momentum=config.bn_momentum)\n"
        "        self.b = nn.BatchNorm2d(8, momentum=self.config.bn_momentum)\n"
    )
    path = tmp_path / "net.py"
    path.write_text(net)
    file = Project().take(str(path), net.encode())
    (found,) = asked("batchnorm-momentum-suspicious", file)
    assert found.place.span is not None
    assert (found.place.span.path.endswith("configuration.py"), found.place.span.line) == (True, 2)
    assert found.fix is None  # it would be an edit of another file


@pytest.mark.parametrize(
    ("text", "strength"),
    [
        ("nn.BatchNorm1d(8, momentum=0.0)", "usual"),
        ("nn.BatchNorm1d(8, momentum=0.0)  # as converted", "slight"),
        ("nn.BatchNorm1d(8, momentum=0.0).load_state_dict({})", "slight"),
        ("nn.BatchNorm1d(8, momentum=0.5)", "slight"),
        ("nn.BatchNorm1d(8, momentum=0.9)  # as converted", "usual"),
    ],
)
def test_a_momentum_that_may_be_meant_is_a_note(text: str, strength: str) -> None:
    """Zero where statistics are loaded, and a half, which turned around is the same."""
    (found,) = asked("batchnorm-momentum-suspicious", parsed(f"norm = {text}\n"))
    assert found.strength == strength
    assert (found.fix is None) is (strength == "slight" or "0.0" in text)
    assert "0.5 was meant" not in found.message


@pytest.mark.parametrize(
    ("signature", "reported"),
    [
        ("train(self, mode: bool = True)", True),
        ("train(self)", True),
        ("train(self, loader, epochs)", True),
        ("train(self, *args, **kwargs)", True),
        ("eval(self)", True),
        ("evaluate(self)", False),
    ],
)
def test_overrides_without_a_result(signature: str, reported: bool) -> None:
    """Whatever train() and eval() are called with, they give the module back."""
    body = "        super().train(False)\n"
    file = parsed(f"class Net(nn.Module):\n    def {signature}:\n{body}")
    assert bool(asked("mode-method-overridden", file)) is reported


def test_an_algorithm_that_trains_another_model_is_a_note() -> None:
    """A train() that is handed the model is a design, though a module cannot be switched by it."""
    file = parsed("class Explainer(nn.Module):\n    def train(self, epoch, model, x):\n        return 0.0\n")
    assert [s.strength for s in asked("mode-method-overridden", file)] == ["slight"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("if self.training:\n            self.x = 1", "train"),
        ("if not self.training and y:\n            self.x = 1", "eval"),
        ("if self.training:\n            pass\n        else:\n            self.x = 1", "eval"),
        ("if self.training:\n            return y\n        self.x = 1", "eval"),
        ("if self.training or y:\n            self.x = 1", "unknown"),
        ("if y:\n            self.x = 1", "both"),
    ],
)
def test_the_mode_in_which_a_line_runs(code: str, expected: str) -> None:
    """Tests of the flag around a line and before it decide."""
    file = parsed(f"class Net(nn.Module):\n    def forward(self, y):\n        {code}\n")
    (store,) = (
        n
        for some in file.index.attributes.values()
        for n in some
        if n.attr == "x" and type(n.ctx) is ast.Store
    )
    assert side(file, store) == expected


def test_frozen_norms_are_held_anywhere_in_the_file() -> None:
    """A file that puts norms in eval mode somewhere is not asked why it does not here."""
    freeze = (
        "def freeze(model):\n    for m in model.modules():\n        if isinstance(m, nn.BatchNorm2d):\n"
        "            m.weight.requires_grad = False\n"
    )
    hold = "def hold(m):\n    if isinstance(m, nn.BatchNorm2d):\n        m.eval()\n"
    assert len(asked("batchnorm-frozen-affine-only", parsed(freeze))) == 1
    assert asked("batchnorm-frozen-affine-only", parsed(freeze + hold)) == []


def test_norms_found_by_their_class_name_are_held_too() -> None:
    """The older idiom asks for the name of the class."""
    freeze = "def freeze(m):\n    if isinstance(m, nn.BatchNorm2d):\n        m.requires_grad_(False)\n"
    hold = 'def hold(m):\n    if "BatchNorm" in type(m).__name__:\n        m.eval()\n'
    assert len(asked("batchnorm-frozen-affine-only", parsed(freeze))) == 1
    assert asked("batchnorm-frozen-affine-only", parsed(freeze + hold)) == []


@pytest.mark.parametrize(
    ("method", "reported"),
    [
        ("def _begin(self):\n        return None", True),
        ("def init_hidden(self):\n        return None", False),
    ],
)
def test_a_public_way_to_begin_anew_is_believed(method: str, reported: bool) -> None:
    """State that users can reset is theirs to reset; detaching it is no reset."""
    code = (
        f"class Net(nn.Module):\n    {method}\n\n    def forward(self, x):\n"
        "        self.h = self.h.detach()\n        y, self.h = self.rnn(x, self.h)\n        return y\n"
    )
    assert bool(asked("stateful-forward", parsed(code))) is reported


def test_unit_tests_may_do_as_they_like() -> None:
    """No rule speaks of norms that a unit test builds."""
    file = parsed("import pytest\nnorm = nn.BatchNorm2d(8, momentum=0.9, track_running_stats=True)\n")
    assert asked("batchnorm-momentum-suspicious", file) == []
