"""Inputs and targets are told apart by the signature of the model's forward."""

from __future__ import annotations

from collections import UserDict
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from evalcheck.batch import bind, join
from evalcheck.complaint import Complaint

X, Y, M = torch.randn(6, 3), torch.arange(6), torch.ones(6, 3)


class One(nn.Module):
    def forward(self, x):
        return x


class Optional(nn.Module):
    def forward(self, x, mask=None):
        return x


class Two(nn.Module):
    def forward(self, x, mask):
        return x


class Named(nn.Module):
    def forward(self, input_ids, attention_mask=None, labels=None):
        return input_ids


class Rest(nn.Module):
    def forward(self, *inputs):
        return inputs[0]


@dataclass
class Sample:
    x: torch.Tensor
    target: torch.Tensor


@pytest.mark.parametrize(
    ("model", "raw", "inputs", "has_target"),
    [
        (One(), X, 1, False),
        (One(), [X], 1, False),
        (One(), (X, Y), 1, True),
        (Optional(), (X, Y), 1, True),
        (Optional(), (X, M, Y), 2, True),
        (Two(), (X, M), 2, False),
        (Two(), (X, M, Y), 2, True),
        (Two(), ((X, M), Y), 2, True),
        (Rest(), (X, Y), 1, True),
        (nn.Linear(3, 2), (X, Y), 1, True),
    ],
)
def test_sequences_are_split_by_what_forward_takes(model, raw, inputs, has_target):
    """As many inputs as forward requires, further ones where it takes them, the last one the target."""
    batch = bind(raw, model)
    assert len(batch.args) == inputs
    assert (batch.targets is Y) == has_target
    assert batch.size == 6
    batch.run(model)


def test_mappings_are_bound_to_the_parameters_of_that_name():
    """Labels that forward takes are passed on, and still serve as targets."""
    batch = bind({"input_ids": X, "attention_mask": M, "labels": Y}, Named())
    assert set(batch.kwargs) == {"input_ids", "attention_mask", "labels"}
    assert batch.targets is Y
    assert set(bind(UserDict({"input_ids": X, "other": M}), Named()).kwargs) == {"input_ids"}


def test_a_mapping_with_one_input_of_another_name_is_passed_by_position():
    """Dictionaries like {"image": …, "label": …} meet a forward(x)."""
    batch = bind({"image": X, "label": Y}, One())
    assert batch.args == (X,)
    assert batch.targets is Y


def test_dataclasses_are_read_like_mappings():
    """Fields are names."""
    batch = bind(Sample(X, Y), One())
    assert batch.kwargs == {"x": X}
    assert batch.targets is Y


def test_the_users_forward_gets_the_whole_batch():
    """With forward(model, batch) nothing is guessed."""
    batch = bind({"a": X, "label": Y}, One(), lambda model, raw: model(raw["a"]) + 1)
    assert torch.equal(batch.run(One()), X + 1)
    assert batch.targets is Y
    assert torch.equal(batch.rows(torch.tensor([2])).run(One()), X[2:3] + 1)


def test_a_batch_without_tensors_is_refused_in_one_line():
    """The message names what was given and the way out."""
    with pytest.raises(Complaint, match=r"a batch of the loader is a str without tensors; yield tensors"):
        bind("text", One())


def test_batches_are_cut_and_joined_again():
    """Rows of all tensors that have one entry per sample, and only of those."""
    batch = bind({"input_ids": X, "attention_mask": M, "labels": Y}, Named())
    parts = [batch.rows(torch.arange(0, 2)), batch.rows(torch.arange(2, 6))]
    whole = join(parts)
    assert whole is not None
    assert torch.equal(whole.kwargs["input_ids"], X)
    assert torch.equal(whole.targets, Y)
    assert whole.size == 6


def test_ragged_batches_cannot_be_joined():
    """Sequences padded to different lengths stay in the batches that they came in."""
    assert join([bind(torch.zeros(2, 3), One()), bind(torch.zeros(2, 4), One())]) is None
