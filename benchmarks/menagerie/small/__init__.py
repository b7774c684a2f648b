"""Architectures of the transformers package, built from small configurations: nothing is downloaded."""

from __future__ import annotations

from typing import Any

from torch import nn

from menagerie.small.senses import PICTURES, SEVERAL, SOUNDS
from menagerie.small.sizes import ENDS, PAIR, WINDOWS, Sizes
from menagerie.small.words import WORDS

ALL = {**WORDS, **PICTURES, **SOUNDS, **SEVERAL}


def build(name: str) -> nn.Module:
    """The architecture of that name, small and freshly initialised, in train mode."""
    import transformers

    class_name, sizes = ALL[name]
    made: Any = getattr(transformers, class_name)
    if name in ("Mask2Former", "Detr"):
        sizes = _with_backbone(name)
    model: nn.Module = made(made.config_class(**sizes))
    return model.train()


def _with_backbone(name: str) -> Sizes:
    """What detectors need besides: a configuration of the network under them."""
    import transformers

    if name == "Detr":
        under = transformers.ResNetConfig(
            embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], out_features=["stage2"]
        )
        sizes = {key: value for key, value in PAIR.items() if key not in ENDS}
        return {**sizes, "backbone_config": under, "use_timm_backbone": False, "num_queries": 5}
    stages = ["stage1", "stage2", "stage3", "stage4"]
    return {
        "backbone_config": transformers.SwinConfig(**WINDOWS, out_features=stages),
        "hidden_dim": 32,
        "feature_size": 32,
        "mask_feature_size": 32,
        "num_attention_heads": 4,
        "encoder_feedforward_dim": 32,
        "dim_feedforward": 32,
        "encoder_layers": 1,
        "decoder_layers": 2,
        "num_queries": 5,
    }
