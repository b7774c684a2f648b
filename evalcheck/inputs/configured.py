"""Inputs from a configuration such as transformers has: read by the names of attributes, nothing imported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import nn

from evalcheck.inputs import arguments
from evalcheck.inputs.call import Call
from evalcheck.inputs.modalities import MAKERS, find, number

# What goes with the main input where forward takes it.
COMPANIONS = (
    "attention_mask",
    "decoder_input_ids",
    "decoder_input_values",
    "bbox",
    "visual_feats",
    "visual_pos",
    "past_time_features",
    "past_observed_mask",
    "future_values",
    "future_time_features",
    "static_categorical_features",
    "states",
    "actions",
    "rewards",
    "returns_to_go",
    "timesteps",
)
MODALITIES = ("input_ids", "pixel_values", "input_features", "input_values")


def calls(model: nn.Module) -> Iterator[Call]:
    """Calls that the configuration and the names of forward's arguments suggest, the fullest first."""
    config, main = getattr(model, "config", None), getattr(model, "main_input_name", None)
    if config is None or not isinstance(main, str):
        return
    known = arguments.names(model)
    required = [p.name for p in arguments.required(model)[0] if p.default is p.empty]
    modal = [name for name in MODALITIES if name in known and (name == main or _has(config, name))]
    companions = [name for name in COMPANIONS if name in known]
    if "future_values" in companions and "future_time_features" not in known:
        # A decoder reads the future with its times; without these it is the target of a loss.
        companions.remove("future_values")
    for names in (
        [main, *required, *modal, *companions],
        [main, *required, *companions],
        [main, *required, *(n for n in companions if "decoder" in n)],
        [main, *required],
        *([name] for name in modal),
    ):
        wanted = [name for name in dict.fromkeys(names) if name in MAKERS]
        if "input_ids" not in wanted and "attention_mask" in wanted:
            # A mask has one number for every word; that of sound would have one for every sample of it.
            wanted.remove("attention_mask")
        yield from _combined(config, wanted)


def _combined(config: Any, names: list[str]) -> Iterator[Call]:
    """The n-th choice of every input together: they differ in the kind of net, which is one for all."""
    choices = {name: MAKERS[name](config) for name in names}
    choices = {name: specs for name, specs in choices.items() if specs}
    for index in range(max(map(len, choices.values()), default=0)):
        slots = {name: specs[min(index, len(specs) - 1)] for name, specs in choices.items()}
        yield Call(slots, "keywords")


def _has(config: Any, name: str) -> bool:
    """Whether the configuration speaks of what this input shows."""
    if name == "input_ids":
        return number(config, "vocab_size") is not None
    if name == "pixel_values":
        return find(config, "image_size", "patch_size", "vision_config") is not None
    return find(config, "num_mel_bins", "audio_config", "sampling_rate") is not None
