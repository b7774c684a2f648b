"""A configuration such as transformers has tells the inputs; transformers is not needed for it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.inputs import choose


class Configured(nn.Module):
    """Holds a configuration and the name of its main input."""

    def __init__(self, main: str, **config: Any) -> None:
        super().__init__()
        self.config, self.main_input_name = SimpleNamespace(**config), main


class Text(Configured):
    def __init__(self, rows: int = 90, **config: Any) -> None:
        super().__init__("input_ids", **config)
        self.embed = nn.Embedding(rows, 4)

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
    ) -> Tensor:
        assert input_ids is not None
        return self.embed(input_ids).mean(1)


class Two(Configured):
    """A text and a picture, each with a configuration of its own."""

    def __init__(self) -> None:
        text = SimpleNamespace(model_type="text", vocab_size=30, max_position_embeddings=9)
        vision = SimpleNamespace(model_type="vision", image_size=48, num_channels=1)
        super().__init__("input_ids", text_config=text, vision_config=vision)
        self.embed, self.conv = nn.Embedding(30, 4), nn.Conv2d(1, 4, 3)

    def forward(self, input_ids: Tensor | None = None, pixel_values: Tensor | None = None) -> Tensor:
        if input_ids is None or pixel_values is None:
            raise ValueError("both are needed")
        return self.embed(input_ids).mean(1) + self.conv(pixel_values).mean((2, 3))


class Sound(Configured):
    def __init__(self, **config: Any) -> None:
        super().__init__("input_values", **config)
        self.conv = nn.Conv1d(1, 4, 400, 320)

    def forward(self, input_values: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        return self.conv(input_values[:, None]).mean(2)


def made(model: nn.Module) -> dict[str, Tensor]:
    """The made-up inputs by name."""
    choice = choose(model)
    assert choice.batch is not None, choice.told
    assert choice.told == "the model's configuration"
    return choice.batch.kwargs


def test_text_gets_words_and_a_mask() -> None:
    """Ids of the whole vocabulary; labels are not an input."""
    inputs = made(Text(vocab_size=90))
    assert {name: tuple(t.shape) for name, t in inputs.items()} == {
        "input_ids": (8, 16),
        "attention_mask": (8, 16),
    }
    assert inputs["input_ids"].dtype is torch.int64
    assert 45 < int(inputs["input_ids"].max()) < 90
    assert bool((inputs["attention_mask"] == 1).all())


def test_a_vocabulary_that_is_larger_than_the_table_is_cut() -> None:
    """The configuration may be wrong; the forward would raise."""
    assert int(made(Text(rows=20, vocab_size=90))["input_ids"].max()) < 20


def test_sentences_end_where_the_configuration_names_an_end() -> None:
    """Heads of classifiers look for it."""
    assert bool((made(Text(vocab_size=90, eos_token_id=7))["input_ids"][:, -1] == 7).all())


def test_inner_configurations_are_read() -> None:
    """Sentences stay shorter than the table of positions, pictures have the size that is stated."""
    shapes = {name: tuple(t.shape) for name, t in made(Two()).items()}
    assert shapes == {"input_ids": (8, 5), "pixel_values": (8, 1, 48, 48)}


def test_sound_gets_no_mask_for_words() -> None:
    """It would have another length."""
    assert set(made(Sound(vocab_size=30))) == {"input_values"}
