"""Inputs and targets are told apart by the signature of the model's forward."""

from __future__ import annotations

from collections import UserDict
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from evalcheck.batch import bind, join
from evalcheck.complaint import Complaint
from evalcheck.probe.running.runner import running

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


class Whole(nn.Module):
    """Looks its inputs up by key, and says so by the name or the annotation of its parameter."""

    def forward(self, batch):
        return batch["image"]


class Annotated(nn.Module):
    def forward(self, inputs: dict[str, torch.Tensor]):
        return inputs["image"]


class Titled(nn.Module):
    def forward(self, image, title):
        return image if title else -image


class Learning(nn.Module):
    """Takes its target too."""

    def forward(self, x, label=None):
        return x


class Open(nn.Module):
    def forward(self, **inputs):
        return inputs["image"]


@pytest.mark.parametrize("text", [["a"] * 6, "x", None, [None, 3]])
def test_entries_without_tensors_are_left_out(text):
    """File names and ids travel in many batches."""
    raw = {"id": text, "image": X, "label": Y}
    batch = bind(raw, One())
    assert batch.args == (X,)
    assert batch.targets is Y
    assert set(bind(raw, Open()).kwargs) == {"image"}


@pytest.mark.parametrize("model", [Whole(), Annotated()])
def test_a_forward_that_says_that_it_takes_a_mapping_gets_the_whole_one(model):
    """Though one tensor alone is left beside the target."""
    raw = {"id": ["a"] * 6, "image": X, "label": Y}
    batch = bind(raw, model)
    assert batch.args == (raw,)
    assert torch.equal(batch.run(model), X)


def test_text_is_passed_where_a_parameter_has_its_name():
    """Forward asks for it."""
    assert set(bind({"image": X, "title": "cat", "id": "7"}, Titled()).kwargs) == {"image", "title"}


def test_a_target_that_forward_takes_goes_with_the_only_input():
    """By its name, though the input's own name is another."""
    batch = bind({"image": X, "label": Y}, Learning())
    assert batch.args == (X,)
    assert batch.kwargs == {"label": Y}
    assert batch.targets is Y


def test_a_refused_mapping_of_several_inputs_names_its_keys_and_the_ways_out():
    """Nothing tells which entry is meant: a forward that looks them up by key gets all of them."""
    batch = bind({"id": ["a"] * 6, "image": X, "depth": M, "label": Y}, nn.Linear(3, 2))
    with pytest.raises(Complaint) as caught, running(batch):
        batch.run(nn.Linear(3, 2))
    line = str(caught.value)
    assert "the batch has the keys id, image, depth, label: label was taken for the target" in line
    assert "the model was given the whole mapping" in line
    for way in ("name forward's parameters like the keys", "yield (inputs, targets)", "forward="):
        assert way in line
    assert "\n" not in line


def test_a_mapping_that_was_understood_leaves_no_doubt():
    """What the model then raises is its own affair."""
    assert bind({"image": X, "label": Y}, One()).doubt == ""
    assert bind({"x": X, "id": "a"}, One()).doubt == ""
    assert "image alone was passed" in bind({"image": X, "id": "a"}, One()).doubt


@pytest.mark.parametrize("model", [nn.Conv2d(3, 4, 3), nn.Sequential(nn.Flatten(), nn.Linear(192, 2))])
def test_refused_bytes_are_told_to_be_converted(model):
    """Pictures as they lie in a file; torch speaks of unsigned characters."""
    pictures = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    batch = bind((pictures, torch.zeros(2)), model)
    with pytest.raises(Complaint, match=r"; the loader gives uint8: convert to float there$"), running(batch):
        batch.run(model)
