"""The mode as a state, across functions and files: programs made at random, judged by running them.

Each program is executed with models that record their mode whenever they are called. A report that no
execution bears out is a false alarm; where nothing is left to chance, what went wrong must be reported.
"""

from __future__ import annotations

import itertools
import random
import sys
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalcheck.source import Project
from evalcheck.source.modes import Facts, facts

NETS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.drop(x)

def build_model(kind=0):
    net = Net()
    return net
"""

VALIDATES = {
    "plain": "for x in val_loader:\n    y = model(x)  # EVAL\n",
    "nothing": "with torch.no_grad():\n    for x in val_loader:\n        y = model(x)  # EVAL\n",
    "compared": "with torch.no_grad():\n    for x in val_loader:\n"
    "        n = (model(x) == 1).sum()  # EVAL\n",
    "eval": "model.eval()\nwith torch.no_grad():\n    for x in val_loader:\n        y = model(x)  # EVAL\n",
    "inside": "for x in val_loader:\n    model.eval()\n    y = model(x)  # EVAL\n",
    "restored": "model.eval()\nfor x in val_loader:\n    y = model(x)  # EVAL\nmodel.train()\n",
    "flag": "was = model.training\nmodel.eval()\n"
    "for x in val_loader:\n    y = model(x)  # EVAL\nmodel.train(was)\n",
    "finally": "model.eval()\ntry:\n    for x in val_loader:\n        y = model(x)  # EVAL\n"
    "        if coin():\n            return y\nfinally:\n    model.train()\n",
    "manager": "with evaluating(model):\n    for x in val_loader:\n        y = model(x)  # EVAL\n",
    "object": "with Evaluating(model):\n    return [model(x) for x in val_loader]  # EVAL\n",
    "early": "if coin():\n    return None\nmodel.eval()\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "sometimes": "if coin():\n    model.eval()\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "broken": "for x in val_loader:\n    if coin():\n        break\n    if coin():\n        continue\n"
    "    y = model(x)  # EVAL\n",
    "alias": "net = model\nnet.train(False)\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "lambda": "quiet = lambda m: m.eval()\nquiet(model)\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "listed": "for m in [model, spare]:\n    m.eval()\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "comprehended": "[m.eval() for m in (model, spare)]\nfor x in val_loader:\n    y = model(x)  # EVAL\n",
    "matched": "match 'val':\n    case 'train':\n        model.train()\n    case _:\n        model.eval()\n"
    "for x in val_loader:\n    y = model(x)  # EVAL\n",
}
TRAINS = {
    "plain": "for x in train_loader:\n    y = model(x)  # TRAIN\n    y.backward()\n    optimizer.step()\n",
    "told": "model.train()\nfor x in train_loader:\n    y = model(x)  # TRAIN\n    y.backward()\n",
    "each": "for x in train_loader:\n    model.train()\n    y = model(x)  # TRAIN\n    y.backward()\n",
    "mode": "model.train(mode=True)\nfor x in train_loader:\n    y = model(x)  # TRAIN\n    y.backward()\n"
    "    if coin():\n        break\n",
    "mid": "for x in train_loader:\n    y = model(x)  # TRAIN\n    y.backward()\n"
    "    if coin():\n        validate(model, val_loader)\n",
}
MANAGERS = """
from contextlib import contextmanager

@contextmanager
def evaluating(net):
    was = net.training
    net.eval()
    try:
        yield net
    finally:
        net.train(was)

class Evaluating:
    def __init__(self, net):
        self.net = net

    def __enter__(self):
        self.was = self.net.training
        self.net.eval()

    def __exit__(self, *error):
        self.net.train(self.was)
"""


@dataclass
class Program:
    """Two files: helpers and a main. ``calm`` programs leave nothing to chance."""

    helpers: str
    main: str
    calm: bool
    together: bool = False  # both in one file

    @property
    def texts(self) -> dict[str, str]:
        if not self.together:
            return {"helpers.py": self.helpers, "main.py": self.main}
        own = self.main.replace("from helpers import fit, validate\n", "")
        return {"helpers.py": "", "main.py": self.helpers + "\n" + own}


@st.composite
def programs(draw: Any) -> Program:
    """A training run with helpers in the other file, and evaluation in the loop or behind it."""
    validates = draw(st.sampled_from(sorted(VALIDATES)))
    trains = draw(st.sampled_from(sorted(TRAINS)))
    helpers = "\n".join(
        [
            "import torch\nfrom chance import coin, spare\n" + MANAGERS,
            "def validate(model, val_loader):\n" + textwrap.indent(VALIDATES[validates], "    "),
            "def fit(model, train_loader, val_loader, optimizer):\n"
            + textwrap.indent(TRAINS[trains], "    "),
        ]
    )
    built = draw(st.sampled_from(["model = Net()", "model = build_model()", "model = build_model(1)"]))
    start = draw(st.sampled_from(["", "model.train()\n", "model.eval()\n", "spare.eval()\n"]))
    call = draw(st.sampled_from(["fit(model, train_loader, val_loader, optimizer)", TRAINS[trains]]))
    evaluate = draw(
        st.sampled_from(["validate(model, val_loader)\n", "net = model\nvalidate(net, val_loader)\n"])
    )
    if draw(st.booleans()):
        evaluate = draw(st.sampled_from(["if coin():\n" + textwrap.indent(evaluate, "    "), evaluate]))
    where = draw(st.sampled_from(["in", "behind", "both"]))
    loop = f"for epoch in range(3):\n{textwrap.indent(call, '    ')}\n"
    if where != "behind":
        loop += textwrap.indent(evaluate, "    ")
    if draw(st.booleans()):
        loop += draw(
            st.sampled_from(["    model.train()\n", "    if coin():\n        continue\n    model.train()\n"])
        )
    body = f"{built}\n{start}optimizer = torch.optim.SGD(model.parameters(), lr=0.1)\n{loop}"
    body += evaluate if where != "in" else ""
    main = (
        "import torch\nfrom nets import Net, build_model\nfrom chance import coin, spare\n"
        "from helpers import fit, validate\n\n"
        f"def main(train_loader, val_loader):\n{textwrap.indent(body, '    ')}\n"
    )
    calm = "coin()" not in main + VALIDATES[validates] + TRAINS[trains]
    return Program(helpers, main, calm, draw(st.booleans()))


@dataclass
class Trace:
    """What happened when a program was run: for each marked line the modes that models were called in."""

    modes: dict[tuple[str, int], list[bool]] = field(default_factory=dict)


class Recorder:
    """Stands in for a model: it knows its mode and keeps where and in which mode it was called."""

    trace: Trace

    def __init__(self) -> None:
        self.training = True

    def train(self, mode: bool = True) -> Recorder:
        self.training = mode
        return self

    def eval(self) -> Recorder:
        return self.train(False)

    def parameters(self) -> list[object]:
        return []

    def __call__(self, x: object) -> Any:
        frame = sys._getframe(1)
        while frame.f_code.co_name.startswith("<") and frame.f_back:
            frame = frame.f_back
        key = (frame.f_code.co_filename, frame.f_lineno)
        self.trace.modes.setdefault(key, []).append(self.training)
        return Output()


class Output:
    """A loss or a prediction."""

    def __eq__(self, other: object) -> Any:
        return self

    __hash__ = None  # type: ignore[assignment]

    def backward(self) -> None: ...

    def sum(self) -> int:
        return 0


class Optimizer:
    def __init__(self, *_: object, **__: object) -> None: ...

    def step(self) -> None: ...


class NoGrad:
    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


def run(program: Program, seed: int) -> Trace:
    """Execute both files with recording models; chance is drawn from the seed."""
    trace = Trace()
    drawn = random.Random(seed)

    def module(name: str, **names: object) -> ModuleType:
        made = ModuleType(name)
        made.__dict__.update(names)
        return made

    kind = type("Net", (Recorder,), {"trace": trace})
    optim = module("torch.optim", SGD=Optimizer)
    fakes = {
        "torch": module("torch", no_grad=NoGrad, optim=optim),
        "chance": module("chance", coin=lambda: drawn.random() < 0.5, spare=kind()),
        "nets": module("nets", Net=kind, build_model=lambda which=0: kind()),
    }
    before = {name: sys.modules.get(name) for name in (*fakes, "helpers")}
    sys.modules.update(fakes)
    try:
        helpers = module("helpers")
        sys.modules["helpers"] = helpers
        exec(compile(program.texts["helpers.py"], "helpers.py", "exec"), helpers.__dict__)
        main: dict[str, Any] = {}
        exec(compile(program.texts["main.py"], "main.py", "exec"), main)
        main["main"]([1, 2], [1, 2])
    finally:
        for name, was in before.items():
            sys.modules.pop(name)
            if was is not None:
                sys.modules[name] = was
    return trace


def marked(program: Program, mark: str) -> list[tuple[str, int]]:
    return [
        (name, number)
        for name, text in program.texts.items()
        for number, line in enumerate(text.split("\n"), 1)
        if f"# {mark}" in line
    ]


_folders = itertools.count()


def read(program: Program, folder: Path) -> Facts:
    """What is said of the main file, with the others beside it."""
    here = folder / str(next(_folders))
    here.mkdir()
    (here / "nets.py").write_text(NETS)
    for name, text in program.texts.items():
        (here / name).write_text(text)
    project = Project(roots=(str(here),))
    return facts(project.take(str(here / "main.py"), (here / "main.py").read_bytes()))


def where(site: Any) -> tuple[str, int]:
    return Path(site.file.path).name, site.node.lineno


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(program=programs())
def test_what_is_reported_happens(tmp_path: Path, program: Program) -> None:
    """No false alarm ever; and where nothing is left to chance nothing that happens is missed."""
    found = read(program, tmp_path)
    traces = [run(program, seed) for seed in range(1 if program.calm else 24)]
    text = program.helpers + "\n# ---- main\n" + program.main
    for use in found.runs:
        modes = [mode for t in traces for mode in t.modes.get(where(use.site), [])]
        assert any(modes) or not modes, f"missing-eval at {where(use.site)}\n{text}"
    for last in found.lasting:
        spoiled = [t.modes.get(where(last.run), []) for t in traces]
        happened = any(True in modes and False in modes for modes in spoiled)
        assert happened or not any(spoiled), f"{where(last.switched)}\n{text}"
    if program.calm:
        for line in marked(program, "EVAL"):
            if (modes := traces[0].modes.get(line)) and all(modes):
                assert line in {where(use.site) for use in found.runs}, f"missed {line}\n{text}"
        for line in marked(program, "TRAIN"):
            modes = traces[0].modes.get(line, [])
            if modes[:1] == [True] and False in modes:
                assert line in {where(last.run) for last in found.lasting}, f"missed {line}\n{text}"


LOOP = "with torch.no_grad():\n    for x in val_loader:\n        y = {}(x)\n"


def said(folder: Path, main: str, frameworks: tuple[str, ...] = (), **others: str) -> dict[str, list[int]]:
    """The lines of the main file by what is said of them."""
    for name, text in {"nets": NETS, **others}.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(text))
    text = textwrap.dedent(main)
    project = Project(roots=(str(folder),), frameworks=frameworks)
    found = facts(project.take(str(folder / "main.py"), text.encode()))
    return {name: [use.place.node.lineno for use in uses] for name, uses in vars(found).items() if uses}


@pytest.mark.parametrize(
    "before",
    [
        "net = Net()",
        "net = nets.build_model()",
        "net = torch.compile(Net().to(0))",
        "net = torch.nn.DataParallel(Net())\nnet = net.module",
        "net = {'a': Net()}['a']",
        "holder = Holder(Net())\nnet = holder.net",
        "net = Net()\nnet.train(mode=True)",
        "net = Net().eval()\nnet.train(not False)",
        "net = Net()\nfor phase in ['val', 'train']:\n    net.train(phase == 'train')",
        "nets_ = [Net() for _ in range(3)]\nfor net in nets_:\n    net.train()",
        "net = Net()\nmatch 1:\n    case 1:\n        pass\n    case _:\n        net.eval()",
        "net = Net()\nnet.apply(lambda m: m.reset_parameters())",
        "net, optimizer = accelerator.prepare(Net(), None)",
        "net = Net()\nif net.training is None:\n    pass\nassert net",
        "net = Net() if flag else Net()",
        "net = copy.deepcopy(Net())",
        "net = Net()\nwhile flag:\n    net.eval()\n    net.train()\n    break",
    ],
)
def test_it_is_in_train_mode(tmp_path: Path, before: str) -> None:
    """By whatever name, wrapper or container, from whichever file."""
    head = (
        "import copy\nimport torch\nimport nets\nfrom nets import Net\n"
        "class Holder:\n    def __init__(self, net):\n        self.net = net\n"
    )
    assert "runs" in said(tmp_path, head + before + "\n" + LOOP.format("net"))


@pytest.mark.parametrize(
    "before",
    [
        "net = Net().eval()",
        "net = Quiet()",
        "net = Plain()",
        "net = Inherited()",
        "net = torch.load('whole.pt')",
        "net = AutoModel.from_pretrained('x')",
        "net = unseen(Net())",
        "net = Net()\nunseen(net)",
        "net = Net()\nnet.set_mode(False)",
        "net = make_quiet()",
        "net = Net()\n[m.eval() for m in [net]]",
        "net = Net()\nlist(map(lambda m: m.eval(), [net]))",
        "net = Net()\nfor m in {'a': net}.values():\n    m.eval()",
        "net = Net()\nfor name, m in {'a': net}.items():\n    m.eval()",
        "net = Net()\nnet.apply(lambda m: m.eval())",
        "net = Net()\nnet.training = False",
        "net = Net()\n(lambda m: m.eval())(net)",
        "net = Net()\ndef quiet():\n    net.eval()\nquiet()",
        "net = Net()\nflag and net.eval()",
        "net = Net()\nnet.train() if flag else net.eval()",
        "net = Net()\nfor i, m in enumerate([net]):\n    m.train(False)",
        "net = Net()\nmatch flag:\n    case 1:\n        net.train()\n    case _:\n        net.eval()",
        "net = Net()\nnet.train(flag)",
        "holder = Holder(Net())\nholder.net.eval()\nnet = holder.net",
        "net = Net()\ntry:\n    risky()\nexcept ValueError:\n    net.eval()",
        "import lightning\nnet = Net()\nlightning.Trainer().fit(net)",
    ],
)
def test_it_may_be_in_eval_mode(tmp_path: Path, before: str) -> None:
    """Told by any spelling, by somebody who is not seen, or of no consequence."""
    head = (
        "import torch\nfrom nets import Net\nfrom quiet import Inherited, Plain, Quiet, make_quiet\n"
        "from transformers import AutoModel\nfrom elsewhere import unseen\n"
        "class Holder:\n    def __init__(self, net):\n        self.net = net\n"
    )
    quiet = """
    from torch import nn
    from nets import Net

    class Quiet(Net):
        def __init__(self):
            super().__init__()
            self.eval()

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)

    class Inherited(Plain):
        pass

    def make_quiet():
        return Net().eval()
    """
    assert "runs" not in said(tmp_path, head + before + "\n" + LOOP.format("net"), quiet=quiet)


DECORATED = """
import functools
import torch

def evaluating(function):
    @functools.wraps(function)
    def wrapper(model, *args, **options):
        was = model.training
        model.eval()
        try:
            return function(model, *args, **options)
        finally:
            model.train(was)
    return wrapper

@evaluating
def score(model, loader):
    return [model(x) for x in loader]

def plain(model, val_loader):
    return [model(x) for x in val_loader]
"""


@pytest.mark.parametrize(("helper", "reported"), [("score", False), ("plain", True)])
def test_a_decorator_of_another_file_is_run(tmp_path: Path, helper: str, reported: bool) -> None:
    """It sets eval mode and gives back the mode that was there."""
    main = f"""
    import torch
    from helpers import {helper}
    from nets import Net

    net = Net()
    net.train()
    for epoch in range(3):
        for x in train_loader:
            net(x).backward()
        {helper}(net, val_loader)
    """
    found = said(tmp_path, main, helpers=DECORATED)
    assert ("runs" in found) is reported
    assert "lasting" not in found


TRAINER = """
class Base:
    def fit(self):
        self.model.train()
        for epoch in range(9):
            for batch in self.loader:
                self.model(batch).backward()
                self.optimizer.step()
            self.validate()

    def validate(self):
        pass
"""


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("self.model.eval()", "lasting"),
        ("self.model.eval()\n        self.model.train()", ""),
        ("for x in self.val_loader:\n            y = self.model(x)", "runs"),
        ("with self.quiet():\n            y = [self.model(x) for x in self.val_loader]", ""),
    ],
)
def test_a_loop_of_a_base_class_in_another_file(tmp_path: Path, body: str, rule: str) -> None:
    """A method that it calls is the one of the class at hand."""
    main = f"""
    import torch
    from contextlib import contextmanager
    from base import Base

    class Own(Base):
        @contextmanager
        def quiet(self):
            self.model.eval()
            yield
            self.model.train()

        def validate(self):
            {body.replace(chr(10), chr(10) + "    ")}

    def main(cfg):
        own = Own()
        own.fit()
        torch.no_grad()
    """
    found = said(tmp_path, main, base=TRAINER)
    assert set(found) == ({rule} if rule else set())


def test_a_framework_of_the_project_sets_the_modes(tmp_path: Path) -> None:
    """Classes that inherit from it are left alone, when the project says so."""
    main = """
    import torch
    from engine.core import Loop
    class Own(Loop):
        def validate(self, val_loader):
            self.net.train()
            for x in val_loader:
                y = self.net(x)
    """
    assert "runs" in said(tmp_path, main)
    assert "runs" not in said(tmp_path, main, frameworks=("engine",))


PLAIN = """
class Trainer:
    def __init__(self, model, with_losses=False):
        self.model, self.with_losses = model, with_losses
"""
DATA = """
from dataclasses import dataclass
from typing import Any
@dataclass
class Trainer:
    model: Any
    with_losses: bool = False
    noisy: Any = None
    def __post_init__(self):
        if self.noisy is not None:
            self.with_losses = self.noisy
"""
METHODS = """
    def run(self, x, quiet):
        if quiet:
            self.model.eval()
        else:
            self.model.train()
        return self.model(x)

    def validate(self, val_loader):
        for x in val_loader:
            if self.with_losses:
                loss = self.run(x, quiet=False)
            else:
                y = self.run(x, quiet=True)
"""


@pytest.mark.parametrize("kept", [PLAIN, DATA])
@pytest.mark.parametrize(
    ("given", "asked", "reported"),
    [
        ("", "quiet=False", False),
        (", with_losses=coin()", "quiet=False", True),
        (", with_losses=True", "quiet=False", True),
        (", True", "quiet=False", True),
        (", True", "quiet=False, train=True", False),
    ],
)
def test_what_an_object_was_built_with_is_known(
    tmp_path: Path, kept: str, given: str, asked: str, reported: bool
) -> None:
    """Defaults count where they are not given; a call that asks for train mode is believed."""
    methods = METHODS.replace("quiet=False", asked).replace("x, quiet)", "x, quiet, train=None)")
    use = (
        f"model = Net().train()\ntrainer = Trainer(model{given})\ntrainer.validate(loader)\ntorch.no_grad()\n"
    )
    found = said(tmp_path, f"import torch\nfrom nets import Net\n{kept}{methods}\n{use}")
    assert ("runs" in found) is reported


def test_six_rules_cost_one_execution(tmp_path: Path) -> None:
    """The facts of a file are worked out once."""
    file = Project().take(str(tmp_path / "a.py"), b"import torch\n")
    assert facts(file) is facts(file)
