"""Which models are examined, and how one is built from its library and name."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterator
from itertools import chain, zip_longest
from pathlib import Path

import torch
from torch import nn

from menagerie import operators, small

Key = tuple[str, str]

OF_A_FAMILY = 5
# Parameters of the smallest of a family, and of the others.
HUGE, LARGEST = 140e6, 30e6


def available(library: str) -> bool:
    return importlib.util.find_spec(library) is not None


def build(library: str, name: str) -> nn.Module:
    """A model without trained weights. Raises whatever its library does."""
    operators.declare()
    if library == "transformers":
        return small.build(name)
    if library == "timm":
        import timm

        return timm.create_model(name, pretrained=False)
    from torchvision import models

    # GoogLeNet and Inception ask for an hour of draws from a truncated normal otherwise.
    more = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    if name in models.list_models(module=models.segmentation):
        more["weights_backbone"] = None
    return models.get_model(name, weights=None, **more)


def names(library: str, count: int, sizes: Path) -> list[str]:
    """What is examined of a library, the smallest first."""
    if library == "transformers":
        return list(small.ALL)[:count]
    operators.declare()
    found = _timm_names(sizes, count) if library == "timm" else _torchvision_names()
    weights = _weights(library, found, sizes)
    return sorted(found, key=lambda name: weights[name])[:count]


def _timm_names(sizes: Path, count: int) -> list[str]:
    """The smallest of every module of timm's, then the second smallest, up to five of each."""
    import timm

    weights = _weights("timm", timm.list_models(), sizes)
    families = [sorted(timm.list_models(module=m), key=weights.__getitem__) for m in timm.list_modules()]
    ranks = zip_longest(*(list(_of_family(family, weights)) for family in families))
    return [name for name in chain.from_iterable(ranks) if name is not None][:count]


def _of_family(family: list[str], weights: dict[str, float]) -> Iterator[str]:
    """The smallest, unless it is huge; and the next ones, if they are small."""
    for rank, name in enumerate(family[:OF_A_FAMILY]):
        if weights[name] < (LARGEST if rank else HUGE):
            yield name


def _torchvision_names() -> list[str]:
    from torchvision import models

    return [*models.list_models(module=models), *models.list_models(module=models.segmentation)]


def _weights(library: str, wanted: list[str], sizes: Path) -> dict[str, float]:
    """Parameters of each model, counted on the meta device once and kept in a file."""
    known = json.loads(sizes.read_text("utf8")) if sizes.exists() else {}
    missing = [name for name in wanted if f"{library}/{name}" not in known]
    for name in missing:
        try:
            with torch.device("meta"):
                model = build(library, name)
        except NotImplementedError:  # Its initialisation looks at values.
            model = build(library, name)
        known[f"{library}/{name}"] = sum(p.numel() for p in model.parameters())
    if missing:
        sizes.write_text(json.dumps(known, indent=0), "utf8")
    return {name: known[f"{library}/{name}"] for name in wanted}


def wanted(counts: dict[str, int], sizes: Path) -> Iterator[Key]:
    """Library and name of every model, the libraries in turns."""
    lists = [
        [(library, name) for name in names(library, count, sizes)]
        for library, count in counts.items()
        if count and available(library)
    ]
    yield from (key for key in chain.from_iterable(zip_longest(*lists)) if key is not None)
