"""Names by which people call models, and functions that give one."""

from __future__ import annotations

from evalcheck.source import words
from evalcheck.source.words import each

# Last parts of names that people give to modules.
_MODELS = each(
    "model net network models nets networks encoder decoder generator discriminator backbone classifier "
    "critic actor teacher student module resnet unet transformer autoencoder vae lstm gan detector "
    "segmentor ema gnn mlp cnn"
)
_MAKES = each("get build create make load init initialize setup prepare construct define")


def says_model(name: str) -> bool:
    """Whether a name is one that people give to models."""
    found = [part for part in words.parts(name) if not part.isdigit()]
    return bool(found) and found[-1] in _MODELS


def makes_model(name: str) -> bool:
    """Whether a function's name says that it gives a model."""
    found = words.parts(name)
    return any(part in _MODELS for part in found) and (len(found) == 1 or bool(_MAKES & set(found)))
