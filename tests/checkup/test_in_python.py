"""Who calls from Python reads of arguments, not of options, and learns which samples were taken."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import evalcheck
from evalcheck import Complaint
from evalcheck.checkup.in_python import spoken
from evalcheck.finding import Gap, Report
from tests.probe.nets import batches, mlp


def test_no_option_of_the_command_line_is_named() -> None:
    for report in (evalcheck.check(mlp()), evalcheck.check(mlp(), batches(32, 1))):
        assert "--" not in "".join([*report.notes, *(gap.reason for gap in report.gaps)])


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "no input: pass --loader or --input (such as --input 8x3)",
            "no input: pass a loader: check(model, loader)",
        ),
        ("pass --train-loader for the size that it has", "pass a train_loader for the size that it has"),
        ("nothing was loaded (--checkpoint FILE does)", "nothing was loaded (model.load_state_dict does)"),
    ],
)
def test_options_become_arguments(said: str, told: str) -> None:
    made = spoken(Report(target="Net", notes=(said,), gaps=(Gap("missing-eval", "probe", said),)))
    assert (made.notes, made.gaps[0].reason) == ((told,), told)


def test_a_function_that_makes_a_model_is_to_be_called() -> None:
    with pytest.raises(Complaint, match=r"a function was given where a torch.nn.Module is needed: call it$"):
        evalcheck.check(mlp)
    with pytest.raises(Complaint, match=r"an int was given where a torch.nn.Module is needed$"):
        evalcheck.check(3)


def test_samples_from_all_over_the_loader_are_told() -> None:
    """Only where there are more than were taken."""
    model = nn.Linear(3, 2)
    for count, told in (
        (600, ["512 of 600 evaluation samples were taken, batches from all over the loader"]),
        (500, []),
    ):
        loader = DataLoader(TensorDataset(torch.randn(count, 3)), 50)
        notes = evalcheck.check(model, loader).notes
        assert [note for note in notes if "were taken" in note] == told
