"""Which transforms of which libraries are random, by name and by what is known of their parameters."""

from __future__ import annotations

from typing import Any

import pytest

from evalcheck.transforms import is_random

TV, V2 = "torchvision.transforms.transforms", "torchvision.transforms.v2._geometry"
A, K = "albumentations.augmentations.any", "kornia.augmentation._2d.any"
AU, M, G = "audiomentations.augmentations.any", "monai.transforms.any", "torch_geometric.transforms.any"

CASES: list[tuple[str, dict[str, Any], bool]] = [
    (f"{TV}.RandomResizedCrop", {}, True),
    (f"{TV}.RandomHorizontalFlip", {"p": 1.0}, False),
    (f"{TV}.CenterCrop", {}, False),
    (f"{TV}.Compose", {}, False),
    (f"{TV}.RandomErasing", {"p": 0}, False),
    (f"{V2}.RandomZoomOut", {"p": 0.5}, True),
    (f"{V2}.RandomChoice", {}, False),
    (f"{V2}.CutMix", {}, True),
    (f"{A}.HorizontalFlip", {"p": 0.5}, True),
    (f"{A}.HorizontalFlip", {"p": 1.0}, False),
    (f"{A}.CLAHE", {"p": 0.5}, True),
    (f"{A}.Normalize", {"p": 1.0}, False),
    (f"{A}.Compose", {"p": 1.0}, False),
    (f"{A}.Compose", {"p": 0.5}, True),
    (f"{A}.CoarseDropout", {"p": 1.0}, True),
    (f"{A}.OneOf", {"p": 0.5}, False),
    (f"{K}.ColorJiggle", {"p": 1.0}, True),
    (f"{K}.RandomErasing", {"p": 0.0}, False),
    (f"{K}.CenterCrop", {"p": 1.0}, False),
    (f"{K}.ImageSequential", {"random_apply": 2}, True),
    (f"{K}.ImageSequential", {"random_apply": False}, False),
    (f"{AU}.Normalize", {"p": 0.5}, True),
    (f"{AU}.Normalize", {"p": 1.0}, False),
    (f"{AU}.TanhDistortion", {"p": 1.0}, True),
    ("torch_audiomentations.augmentations.gain.Gain", {"_p": 0.0}, False),
    ("timm.data.transforms.RandomResizedCropAndInterpolation", {}, True),
    ("timm.data.random_erasing.RandomErasing", {"probability": 0.0}, False),
    ("timm.data.mixup.FastCollateMixup", {}, True),
    (f"{M}.RandFlipd", {"prob": 0.1}, True),
    (f"{M}.RandFlipd", {"prob": 0}, False),
    (f"{M}.RandomizableTransform", {}, False),
    (f"{M}.ScaleIntensityd", {}, False),
    (f"{G}.RandomJitter", {}, True),
    (f"{G}.AddRandomWalkPE", {}, False),
    (f"{G}.NormalizeScale", {}, False),
    ("torchaudio.transforms._transforms.TimeMasking", {"p": 1.0}, True),
    ("project.RandomCrop", {}, False),
]


@pytest.mark.parametrize(("name", "known", "random"), CASES)
def test_random_is_what_draws_when_it_is_called(name: str, known: dict[str, Any], random: bool) -> None:
    """A chance of 0 draws nothing; of 1 only the parameters; containers only if they choose."""
    assert is_random(name, known) is random
