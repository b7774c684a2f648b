"""Architectures of the transformers package, where it is installed: whole checks without a loader."""

from __future__ import annotations

from typing import Any

import pytest

import evalcheck
from evalcheck.graph import trace

transformers = pytest.importorskip("transformers")
# It imports its models when they are asked for, and then needs what it was not installed with.
try:
    _ = transformers.BertModel
except ImportError as missing:
    pytest.skip(f"transformers has no models here: {missing}", allow_module_level=True)

TEXT = {
    "vocab_size": 99,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "pad_token_id": 0,
}
SOUND = {"conv_dim": (16, 16), "conv_stride": (5, 4), "conv_kernel": (10, 4), "num_feat_extract_layers": 2}
T5 = {"vocab_size": 99, "d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
IMAGE = {**TEXT, "image_size": 32, "patch_size": 16}

SAMPLE: dict[str, tuple[dict[str, Any], set[str]]] = {
    "BertForSequenceClassification": (TEXT, set()),
    "MixtralForCausalLM": ({**TEXT, "num_key_value_heads": 2, "num_local_experts": 4}, set()),
    "T5ForConditionalGeneration": ({**T5, "decoder_start_token_id": 0}, set()),
    "ViTForImageClassification": (IMAGE, set()),
    "CLIPModel": ({"text_config": TEXT, "vision_config": IMAGE}, set()),
    "Wav2Vec2Model": (
        {**TEXT, **SOUND, "num_conv_pos_embeddings": 16, "num_conv_pos_embedding_groups": 2},
        set(),
    ),
    # Its momentum, 0.997, is meant as other frameworks mean it.
    "MobileNetV2Model": ({"depth_multiplier": 0.35, "image_size": 64}, {"batchnorm-momentum-suspicious"}),
}


def build(name: str) -> Any:
    """The architecture, small and freshly initialised."""
    kind = getattr(transformers, name)
    return kind(kind.config_class(**SAMPLE[name][0])).train()


@pytest.mark.parametrize("name", SAMPLE)
def test_the_check_says_what_is_so(name: str) -> None:
    """An input is made up, both modes are traced, and only true faults are reported."""
    report = evalcheck.check(build(name))
    assert report.faults == ()
    told = {finding.rule for finding in report.findings if finding.severity != "note"}
    assert told == SAMPLE[name][1]
    assert any("made up" in note for note in report.notes)


def test_outputs_with_attributes_are_joined_to_their_inputs() -> None:
    """What a transformers model returns is an object: its tensors are the graph's output."""
    import torch

    model = build("BertForSequenceClassification")
    graph = trace(model, {"input_ids": torch.randint(1, 99, (2, 7))})
    assert graph.holes == ()
    assert graph.eval is not None
    output = next(node for node in graph.eval.graph.nodes if node.op == "output")
    assert [node.meta["shape"] for node in output.all_input_nodes] == [(2, 2)]
