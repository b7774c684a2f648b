"""What the reader sees of averages, checkpoints, exported programs and ranks."""

from __future__ import annotations

import ast

import pytest

from evalcheck import checks, rulebook
from evalcheck.source import SourceFile
from evalcheck.source.copies.averages import averages
from evalcheck.source.copies.ranks import only_rank_zero
from evalcheck.source.models import has_batch_norm


def reported(rule: str, text: str) -> list[tuple[int, str]]:
    """Lines and strengths of what one rule reports in a text."""
    seen = checks.find("source", rule)(SourceFile.from_text(text, "a.py"), rulebook.find(rule).options)
    return sorted((s.place.span.line, s.strength) for s in seen if s.place.span)


def model(expression: str, before: str = "") -> bool | None:
    """Whether the model that an expression means has batch norm."""
    text = (
        "import copy, timm, torch, torchvision\nfrom torch import nn\n"
        "class Norm(nn.Module):\n    def __init__(self):\n        self.bn = nn.BatchNorm1d(4)\n"
        "class Plain(nn.Module):\n    def __init__(self):\n        self.fc = nn.Linear(4, 4)\n"
        f"def build():\n    return Norm()\n{before}\nfound = {expression}\n"
    )
    file = SourceFile.from_text(text, "a.py")
    last = file.tree.body[-1]
    assert isinstance(last, ast.Assign)
    return has_batch_norm(file, last.value)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Norm()", True),
        ("build().cuda()", True),
        ("copy.deepcopy(net)", True),
        ("nn.parallel.DistributedDataParallel(net).module", True),
        ("torchvision.models.resnet18()", True),
        ("timm.create_model('efficientnet_b0')", True),
        ("Plain().eval()", False),
        ("torchvision.models.vit_b_16()", False),
        ("nn.Sequential(nn.Linear(4, 4), nn.ReLU())", False),
        ("timm.create_model(name)", None),
        ("elsewhere()", None),
        ("either", None),
    ],
)
def test_batch_norm_is_found_behind_copies_and_wrappers(expression: str, expected: bool | None) -> None:
    """It is certain, certainly not there, or not known."""
    before = "net = Norm()\nnet = net.to('cpu')\neither = Norm() if net else Plain()"
    assert model(expression, before) is expected


@pytest.mark.parametrize(
    "body",
    [
        "s.mul_(d).add_(f, alpha=1 - d)",
        "s.data.mul_(d)\n    s.data.add_((1 - d) * f.data)",
        "s.lerp_(f, 1 - d)",
        "s.data = d * s.data + (1 - d) * f.data",
        "s.copy_(s + (1 - d) * (f - s))",
        "mixed = d * s + (1 - d) * f\n    s.data.copy_(mixed)",
        "s *= d\n    s += (1 - d) * f",
    ],
)
def test_an_average_is_known_however_it_is_written(body: str) -> None:
    """In place, in two steps, through a local name."""
    text = f"for s, f in zip(ema.parameters(), net.parameters()):\n    {body}\n"
    (found,) = averages(SourceFile.from_text(text, "a.py"))
    assert (found.names, found.over) == ({"ema"}, "parameters")


def test_an_average_may_look_values_up_by_name() -> None:
    """One model is iterated over, the other one is a table."""
    text = (
        "fresh = net.state_dict()\nfor k, s in ema.state_dict().items():\n    f = fresh[k].detach()\n"
        "    s.copy_(s * d + (1.0 - d) * f)\n"
    )
    (found,) = averages(SourceFile.from_text(text, "a.py"))
    assert (found.names, found.over, found.truncates) == ({"ema"}, "state", True)


@pytest.mark.parametrize(
    "body", ["s.copy_(f)", "s.data.copy_(f.to(s.device))", "s.data = s.data - s.grad * f"]
)
def test_a_copy_or_a_step_is_no_average(body: str) -> None:
    """Only what mixes old and new is one."""
    text = f"for s, f in zip(ema.parameters(), net.parameters()):\n    {body}\n"
    assert not list(averages(SourceFile.from_text(text, "a.py")))


EMA = (
    "import copy\nfrom torch import nn\n{build}\nema = copy.deepcopy(net).eval()\n"
    "for s, f in zip(ema.parameters(), net.parameters()):\n    s.lerp_(f, 0.1)\n{after}"
)


def test_an_average_is_a_warning_with_batch_norm_and_a_note_without_knowledge() -> None:
    """Nothing is said of a model without it, or of one that sees data of its own."""
    rule = "ema-buffers-not-synced"
    assert reported(rule, EMA.format(build="net = nn.BatchNorm1d(4)", after="")) == [(6, "usual")]
    assert reported(rule, EMA.format(build="from nets import net", after="")) == [(6, "slight")]
    assert reported(rule, EMA.format(build="net = nn.Linear(4, 4)", after="")) == []
    assert reported(rule, EMA.format(build="net = nn.BatchNorm1d(4)", after="ema.train()\n")) == []


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        ("net.load_state_dict(torch.load(p), strict=False); net.eval()", [(4, "usual")]),
        ("net.load_state_dict(torch.load(p)['state'], strict=False)", [(4, "slight")]),
        ("net.load_state_dict(torch.load(p), strict=False)  # old files lack the mask buffer", []),
        ("found = net.load_state_dict(torch.load(p), strict=False); net.eval()", []),
        ("net.load_state_dict(torch.load(p), strict=strict); net.eval()", []),
        ("plain.load_state_dict(torch.load(p), strict=False); plain.eval()", [(4, "slight")]),
    ],
)
def test_a_loose_load_is_a_warning_where_the_model_is_evaluated(load: str, expected: list[object]) -> None:
    """A note elsewhere, and nothing where it is explained or looked at."""
    text = f"import torch\nplain = torch.nn.Linear(4, 4)\ndef main(net, p, strict):\n    {load}\n"
    assert reported("checkpoint-missing-buffers", text) == expected


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("rank == 0", True),
        ("dist.get_rank() == 0", True),
        ("int(os.environ['RANK']) == 0", True),
        ("not self.is_main_process", False),
        ("is_main_process()", True),
        ("rank != 0", False),
        ("rank > 0", False),
        ("rank", None),
        ("rank == 1", None),
        ("rank in (-1, 0)", None),
        ("epoch == 0", None),
    ],
)
def test_who_comes_into_a_block(test: str, expected: bool | None) -> None:
    """Rank 0 alone, all others, or it cannot be told."""
    assert only_rank_zero(ast.parse(test, mode="eval").body) is expected


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("if rank == 0:\n    dist.barrier()", [3]),
        ("if rank != 0:\n    pass\nelse:\n    dist.all_reduce(x)", [5]),
        ("if rank == 0:\n    dist.barrier(group)", []),
        ("if rank == 0:\n    dist.broadcast(x, 0)\nelse:\n    serve()", []),
        ("if rank != 0:\n    serve()\nif rank == 0:\n    dist.barrier()", []),
        ("if world_size > 1:\n    if rank == 0:\n        dist.barrier()", []),
        ("if rank == 0:\n    def later():\n        dist.barrier()", []),
        ("if rank == 0:\n    print(x)\ndist.barrier()", []),
    ],
)
def test_a_collective_that_only_rank_zero_reaches(body: str, lines: list[int]) -> None:
    """It is reported unless the others may meet it."""
    text = f"import torch.distributed as dist\n{body}\n"
    assert [line for line, _ in reported("rank0-only-collective", text)] == lines


@pytest.mark.parametrize(
    ("model", "expected"),
    [("net", [(3, "slight")]), ("net.eval()", [(3, "usual")]), ("torch.nn.Linear(2, 2)", [])],
)
def test_training_a_traced_program(model: str, expected: list[object]) -> None:
    """A warning if it was traced in eval mode, and nothing if it has no mode at all."""
    text = f"import torch\ntraced = torch.jit.trace({model}, x)\ntraced.train()\n"
    assert reported("exported-mode-inert", text) == expected


def test_an_exported_program_has_no_mode() -> None:
    """Through assignments, but not where another value is possible or the mode can be set after all."""
    text = (
        "import torch\nprogram = torch.export.export(net, (x,))\nrunner = program.module()\nrunner.eval()\n{}"
    )
    rule = "exported-mode-inert"
    assert reported(rule, text.format("")) == [(4, "usual")]
    assert reported(rule, text.format("if flag:\n    runner = net\n")) == []
    replaced = (
        "import torch\ndef f(net):\n    net.eval()\n    net = torch.export.export(net, (x,)).module()\n"
    )
    assert reported(rule, replaced) == []
    assert reported(rule, text.format("allow_exported_model_train_eval(runner)\n")) == []
