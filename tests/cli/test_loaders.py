"""Where the data comes from: options first, then the target's own module."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.calling import Stub, refused, run, write

DATA = """
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    from net import Net

    dataset = TensorDataset(torch.zeros(4, 3))
    ready = DataLoader(dataset, batch_size=2)

    def made():
        return [torch.zeros(2, 3)]

    def sized(batch_size):
        return made()

    def broken():
        raise OSError("no data here")

    number = 3
    text = "batches"

    def accuracy(outputs, targets):
        return 1.0

    class Metric:
        def __call__(self, outputs, targets):
            return 1.0
"""


@pytest.fixture
def data(folder: Path, stub: Stub) -> Stub:
    write(folder, "data.py", DATA)
    return stub


def test_a_plain_name_belongs_to_the_targets_module(data: Stub) -> None:
    """A factory is called, a ready loader is taken."""
    assert run("data.py:Net", "--loader", "made", "--train-loader", "ready").exit_code == 0
    call = data.calls[0]
    assert [tuple(batch.shape) for batch in call["loader"]] == [(2, 3)]
    assert len(call["train_loader"]) == 2
    assert call["notes"] == []


def test_a_loader_may_be_a_target_of_its_own(data: Stub) -> None:
    """From another file."""
    assert run("net.py:Net", "--loader", "data.py:made", "--metric", "data.py:accuracy").exit_code == 0
    assert len(data.calls[0]["loader"]) == 1
    assert data.calls[0]["metric"](None, None) == 1.0


def test_a_metric_class_is_made(data: Stub) -> None:
    """As metrics libraries give them."""
    assert run("data.py:Net", "--metric", "Metric").exit_code == 0
    assert data.calls[0]["metric"](None, None) == 1.0


@pytest.mark.parametrize("name", ["eval_loader", "val_loader", "test_loader"])
def test_the_targets_own_loaders_are_found_and_said(folder: Path, data: Stub, name: str) -> None:
    """Unless options name others."""
    write(folder, "own.py", f"from data import Net, made, ready\n{name} = made\ntrain_loader = ready\n")
    assert run("own.py:Net").exit_code == 0
    assert data.calls[0]["notes"] == [
        f"evaluation data: {name}() of own.py",
        "training data: train_loader of own.py",
    ]


def test_an_own_loader_that_cannot_be_used_is_left_out_and_said(folder: Path, data: Stub) -> None:
    """Nobody asked for it; the next name is tried."""
    write(
        folder, "own.py", "from data import *\neval_loader = None\nval_loader = sized\ntest_loader = broken\n"
    )
    assert run("own.py:Net").exit_code == 0
    assert data.calls[0]["loader"] is None
    assert data.calls[0]["notes"] == [
        "evaluation data: val_loader of own.py is not used: val_loader needs the argument batch_size; name "
        "something that needs none, such as `def eval_loader(): return DataLoader(...)`",
        "evaluation data: test_loader of own.py is not used: test_loader() failed: OSError: no data here",
    ]


@pytest.mark.parametrize(
    ("option", "name", "line"),
    [
        ("--loader", "number", "--loader: data.py:number is an int, not an iterable of batches"),
        ("--loader", "text", "--loader: data.py:text is a str, not an iterable of batches"),
        (
            "--train-loader",
            "dataset",
            "--train-loader: data.py:dataset is a dataset, which yields samples; wrap it in a DataLoader, "
            "which yields batches",
        ),
        (
            "--loader",
            "sized",
            "--loader: data.py:sized needs the argument batch_size; name something that needs none, such as "
            "`def eval_loader(): return DataLoader(...)`",
        ),
        ("--metric", "number", "--metric: data.py:number is an int, not a function of (outputs, targets)"),
        ("--loader", "gone.py:x", "gone.py does not exist"),
        (
            "--loader",
            "mode",
            "data.py has no attribute 'mode' (did you mean 'made'?); it has dataset, ready, made, "
            "sized, broken, accuracy, Metric",
        ),
    ],
)
def test_a_wrong_loader_is_refused_in_one_line(data: Stub, option: str, name: str, line: str) -> None:
    """The option is named where its value is at fault."""
    assert refused("data.py:Net", option, name) == f"evalcheck: {line}\n"


def test_a_named_loader_that_raises_is_refused(folder: Path, data: Stub) -> None:
    """With the user's own frame."""
    said = refused("data.py:Net", "--loader", "broken").splitlines()
    assert said[0] == "evalcheck: --loader: data.py:broken() failed: OSError: no data here"
    assert said[1].startswith(f'  File "{folder / "data.py"}", line ')
