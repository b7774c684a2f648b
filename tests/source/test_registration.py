"""When a plain collection becomes a ModuleList by itself, and when that is left to people."""

from __future__ import annotations

import time

import pytest

from evalcheck.checks.source.unregistered_submodule import check
from evalcheck.finding import Finding
from evalcheck.rewriting import Rewritten, rewrite
from evalcheck.source import SourceFile

HEAD = """from torch import nn
class Net(nn.Module):
    def __init__(self, n, other):
        super().__init__()
"""


def lint(data: bytes) -> list[Finding]:
    file = SourceFile.from_text(data.decode(), "net.py")
    return [Finding("unregistered-submodule", "mode", "error", (seen,)) for seen in check(file, {})]


def fixed(body: str, forward: str = "x", head: str = HEAD, rest: str = "", unsafe: bool = False) -> Rewritten:
    text = f"{head}        {body}\n    def forward(self, x):\n        return {forward}\n{rest}"
    assert len(lint(text.encode())) == 1, "the check itself must see it"
    return rewrite("net.py", text.encode(), lint, unsafe=unsafe)


@pytest.mark.parametrize(
    ("body", "wrapped"),
    [
        ("self.a = [nn.Linear(1, 1), nn.Linear(1, 1)]", "nn.ModuleList([nn.Linear(1, 1), nn.Linear(1, 1)])"),
        (
            "self.a = [nn.Linear(1, 1) for _ in range(n)]",
            "nn.ModuleList([nn.Linear(1, 1) for _ in range(n)])",
        ),
        ("self.a = nn.Linear(1, 1), nn.ReLU()", "nn.ModuleList((nn.Linear(1, 1), nn.ReLU()))"),
        ("self.a = []; self.a.append(nn.Linear(1, 1))", "nn.ModuleList([])"),
        ("self.a = []; self.a.extend([nn.Linear(1, 1)])", "nn.ModuleList([])"),
        (
            "self.a = {'x': nn.Linear(1, 1), 'y': nn.ReLU()}",
            "nn.ModuleDict({'x': nn.Linear(1, 1), 'y': nn.ReLU()})",
        ),
    ],
)
def test_a_literal_collection_is_wrapped(body: str, wrapped: str) -> None:
    """And is then no fault any more."""
    done = fixed(body)
    assert f"self.a = {wrapped}" in done.after.decode()
    assert (done.fixed, done.left) == (1, ())


@pytest.mark.parametrize(
    "forward",
    [
        "self.a[0](x)",
        "[f(x) for f in self.a]",
        "len(self.a)",
        "self.a[:2]",
        "[*self.a]",
        "zip(self.a, x)",
        "x if self.a is not None else 1",
        "self.a[-1](x)",
        "[f(x) for f in reversed(self.a)]",
    ],
)
def test_what_a_container_can_do_is_no_hindrance(forward: str) -> None:
    """Run through, counted, taken from."""
    assert fixed("self.a = [nn.Linear(1, 1), nn.Linear(1, 1)]", forward).fixed == 1


@pytest.mark.parametrize(
    "forward",
    [
        "self.a + [x]",
        "self.a.index(x)",
        "self.a.sort()",
        "self.a == x",
        "x if self.a else 1",
        "getattr(self, 'a')",
        "self.a.pop()",
        "isinstance(self.a, list)",
    ],
)
def test_what_a_container_cannot_do_is_left_to_people(forward: str) -> None:
    """Or may not do in every version."""
    done = fixed("self.a = [nn.Linear(1, 1), nn.Linear(1, 1)]", forward, unsafe=True)
    assert not done.changed
    assert len(done.left) == 1


@pytest.mark.parametrize(
    "body",
    [
        "self.a = [nn.Linear(1, 1), None]",
        "self.a = [nn.Linear(1, 1), other]",
        "self.a = [nn.Linear(1, 1), nn.Parameter(n)]",
        "self.a = [[nn.Linear(1, 1)], [nn.Linear(1, 1)]]",
        "self.a = []; self.a.append(nn.Linear(1, 1)); self.a.append(other)",
        "self.a = b = [nn.Linear(1, 1), nn.ReLU()]",
        "self.a: list = [nn.Linear(1, 1), nn.ReLU()]",
        "self.a = {'type': nn.Linear(1, 1), 'y': nn.ReLU()}",
        "self.a = {'x.y': nn.Linear(1, 1), 'y': nn.ReLU()}",
        "self.a = {1: nn.Linear(1, 1), 2: nn.ReLU()}",
        "self.a = list(nn.Linear(1, 1) for _ in range(n))",
    ],
)
def test_what_may_be_no_module_or_no_key_is_left_to_people(body: str) -> None:
    """And what has a second name, or a type."""
    assert not fixed(body, unsafe=True).changed


def test_keys_that_are_known_at_run_time_make_an_unsafe_fix() -> None:
    """They may have dots."""
    body = "self.a = {str(k): nn.Linear(1, 1) for k in range(n)}"
    done = fixed(body)
    assert (done.changed, done.hidden) == (False, 1)
    assert b"nn.ModuleDict({str(k): nn.Linear(1, 1) for k in range(n)})" in fixed(body, unsafe=True).after


def test_a_dict_that_is_asked_with_get_stays_a_dict() -> None:
    """A ModuleDict has no such method."""
    body = "self.a = {'x': nn.Linear(1, 1), 'y': nn.ReLU()}"
    assert not fixed(body, "self.a.get('x')(x)").changed
    assert fixed(body, "[f(x) for f in self.a.values()]").changed


def test_a_module_takes_no_modules_before_it_is_set_up() -> None:
    """Nor where nobody can say that it is."""
    early = HEAD.replace("        super().__init__()\n", "")
    assert not fixed("self.a = [nn.Linear(1, 1), nn.ReLU()]; super().__init__()", head=early).changed
    maybe = HEAD.replace("super().__init__()", "if n: super().__init__()")
    assert not fixed("self.a = [nn.Linear(1, 1), nn.ReLU()]", head=maybe).changed


def test_another_class_may_use_the_name_as_it_likes() -> None:
    """On its own self; not on anything else."""
    body = "self.a = [nn.Linear(1, 1), nn.Linear(1, 1)]"
    assert fixed(body, rest="class B:\n    def f(self):\n        self.a = 1\n").changed
    assert not fixed(body, rest="class B(Net):\n    def f(self):\n        self.a = 1\n").changed
    assert not fixed(body, rest="def f(net):\n    net.a.sort()\n").changed


def test_without_a_name_for_the_container_nothing_is_done() -> None:
    """No import is added."""
    head = HEAD.replace("from torch import nn\n", "from torch.nn import Module, Linear\n").replace(
        "nn.Module", "Module"
    )
    assert not fixed("self.a = [Linear(1, 1), Linear(2, 2)]", head=head, unsafe=True).changed


def test_the_names_that_a_dict_of_modules_refuses_are_those_of_torch() -> None:
    """A key of such a name would raise where the model is built."""
    from torch import nn

    from evalcheck.source.containers import registration

    assert {name for name in dir(nn.ModuleDict()) if not name.startswith("_")} <= registration._TAKEN


@pytest.mark.parametrize(
    ("value", "count"),
    [
        ("dict(a=nn.Linear(1, 1))", 1),
        ("dict(a=nn.Linear, b=1)", 0),
        ("dict(other, a=nn.Linear(1, 1))", 0),
        ("[nn.Linear(1, 1)] * 3", 1),
        ("[nn.ReLU()] * 3", 0),
        ("[other] * n", 0),
        ("list(map(nn.Linear, [1], [2]))", 1),
        ("list(map(nn.ReLU, [True, False]))", 0),
        ("list(map(int, other))", 0),
    ],
)
def test_collections_that_are_made_by_a_call(value: str, count: int) -> None:
    """They are seen, and left to people."""
    found = lint(f"{HEAD}        self.a = {value}\n".encode())
    assert [finding.fix for finding in found] == [None] * count


def test_many_classes_cost_no_more_than_each_of_them() -> None:
    """Uses are looked up by class: with a search through the file for each, this takes a minute."""
    one = (
        "class Net{0}(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.layers = [nn.Linear(1, 1), nn.ReLU()]\n\n"
        "    def forward(self, x):\n        return self.layers[1](self.layers[0](x))\n\n\n"
    )
    text = "from torch import nn\n" + "".join(map(one.format, range(1000)))
    start = time.process_time()
    found = lint(text.encode())
    assert time.process_time() - start < 5  # about half a second
    assert len(found) == 1000
    assert all(finding.fix is not None for finding in found)
