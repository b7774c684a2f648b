"""A model that guesses is not cured by modes that guess alike."""

import torch

from evalcheck.remedies import proof
from tests.remedies.normed_nets import batches, edited, trial


def mislabelled(seed: int, classes: int):
    draw = torch.Generator().manual_seed(seed + 40)
    return [(x, torch.randint(classes, (len(x),), generator=draw)) for x, _ in batches(256, seed)]


def test_less_distance_is_no_cure_where_both_modes_guess():
    """As after training on batches of one class: eval mode and train mode agree, and are right by chance."""
    attempt = proof.attempt(trial(edited(), mislabelled(2, 4), mislabelled(5, 4)), "recalibrate")
    assert attempt.status == "failed"
    assert attempt.recovered > 0.8
    assert "but no mode predicts the targets better than by guessing (accuracy from" in attempt.detail


def test_classes_of_something_else_say_nothing():
    """An autoencoder's loader yields classes too, fewer than the output has numbers."""
    attempt = proof.attempt(trial(edited(), mislabelled(2, 2), mislabelled(5, 2)), "recalibrate")
    assert attempt.status == "proved"
    assert attempt.detail.startswith("gives back")
