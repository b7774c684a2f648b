"""Architectures that see, hear, do several things at once, or read series of numbers."""

from __future__ import annotations

from menagerie.small.sizes import GPT2, IMAGE, PAIR, SERIES, SOUND, STAGES, TEXT, WINDOWS, Architectures

PICTURES: Architectures = {
    "ViT": ("ViTForImageClassification", IMAGE),
    "DeiT": ("DeiTModel", IMAGE),
    "Beit": ("BeitModel", IMAGE),
    "Dinov2": ("Dinov2Model", IMAGE),
    "ViTMAE": (
        "ViTMAEForPreTraining",
        {
            **IMAGE,
            "decoder_hidden_size": 16,
            "decoder_num_hidden_layers": 1,
            "decoder_num_attention_heads": 4,
            "decoder_intermediate_size": 32,
        },
    ),
    "Yolos": ("YolosForObjectDetection", {**IMAGE, "image_size": [64, 64], "num_detection_tokens": 5}),
    "Swin": ("SwinForImageClassification", WINDOWS),
    "Swinv2": ("Swinv2Model", WINDOWS),
    "ConvNext": ("ConvNextForImageClassification", STAGES),
    "ConvNextV2": ("ConvNextV2Model", STAGES),
    "ResNet": (
        "ResNetForImageClassification",
        {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1], "layer_type": "basic"},
    ),
    "RegNet": ("RegNetModel", {"embedding_size": 16, "groups_width": 8, **STAGES}),
    "MobileNetV1": ("MobileNetV1ForImageClassification", {"depth_multiplier": 0.25}),
    "MobileNetV2": ("MobileNetV2Model", {"depth_multiplier": 0.35}),
    "MobileViT": (
        "MobileViTModel",
        {"image_size": 64, "hidden_sizes": [16, 16, 16], "neck_hidden_sizes": [8, 8, 16, 16, 16, 16, 32]},
    ),
    "EfficientNet": (
        "EfficientNetModel",
        {"width_coefficient": 0.25, "depth_coefficient": 0.25, "image_size": 64, "hidden_dim": 320},
    ),
    "Levit": (
        "LevitModel",
        {
            "image_size": 64,
            "hidden_sizes": [32, 32, 32],
            "num_attention_heads": [2, 2, 2],
            "depths": [1, 1, 1],
            "key_dim": [8, 8, 8],
        },
    ),
    "Segformer": (
        "SegformerForSemanticSegmentation",
        {
            "hidden_sizes": [16] * 4,
            "depths": [1] * 4,
            "num_attention_heads": [1, 1, 2, 2],
            "decoder_hidden_size": 16,
        },
    ),
    "PoolFormer": ("PoolFormerModel", {**STAGES, "num_encoder_blocks": 4}),
    "PvtV2": ("PvtV2Model", {**STAGES, "image_size": 64, "num_attention_heads": [1, 1, 2, 2]}),
    "FocalNet": ("FocalNetModel", {"image_size": 64, "embed_dim": 16, "depths": [1, 1, 1, 1]}),
    "Bit": ("BitModel", {"embedding_size": 16, "num_groups": 8, **STAGES}),
    "SwiftFormer": (
        "SwiftFormerModel",
        {"image_size": 64, "embed_dims": [16, 16, 32, 32], "depths": [1, 1, 1, 1]},
    ),
    "Mask2Former": ("Mask2FormerModel", {}),
    "Detr": ("DetrModel", {}),
    "ImageGPT": ("ImageGPTModel", {**GPT2, "vocab_size": 99}),
}

SOUNDS: Architectures = {
    "Wav2Vec2": ("Wav2Vec2ForCTC", SOUND),
    "Wav2Vec2Conformer": ("Wav2Vec2ConformerModel", SOUND),
    "Hubert": ("HubertModel", SOUND),
    "WavLM": ("WavLMModel", SOUND),
    "SEW": ("SEWModel", {**SOUND, "squeeze_factor": 2}),
    "Data2VecAudio": (
        "Data2VecAudioModel",
        {**SOUND, "num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3},
    ),
    "Whisper": (
        "WhisperForConditionalGeneration",
        {**PAIR, "num_mel_bins": 16, "max_source_positions": 32, "max_target_positions": 32},
    ),
    "Speech2Text": ("Speech2TextModel", {**PAIR, "input_feat_per_channel": 16, "conv_channels": 16}),
    "SpeechT5": (
        "SpeechT5ForTextToSpeech",
        {
            "vocab_size": 99,
            "hidden_size": 32,
            "encoder_layers": 1,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 32,
            "decoder_ffn_dim": 32,
            "speech_decoder_postnet_units": 16,
            "speech_decoder_prenet_units": 16,
            "speaker_embedding_dim": 16,
        },
    ),
    "AST": ("ASTForAudioClassification", {**IMAGE, "max_length": 64, "num_mel_bins": 32}),
    "Encodec": (
        "EncodecModel",
        {
            "num_filters": 4,
            "hidden_size": 16,
            "codebook_dim": 16,
            "codebook_size": 16,
            "upsampling_ratios": [4, 2],
            "num_lstm_layers": 1,
        },
    ),
}

SEVERAL: Architectures = {
    "CLIP": ("CLIPModel", {"text_config": TEXT, "vision_config": IMAGE}),
    "Siglip": ("SiglipModel", {"text_config": TEXT, "vision_config": IMAGE}),
    "Blip": ("BlipModel", {"text_config": TEXT, "vision_config": IMAGE}),
    "Vilt": ("ViltModel", {**TEXT, **IMAGE}),
    "CLIPSeg": ("CLIPSegModel", {"text_config": TEXT, "vision_config": IMAGE}),
    "LayoutLM": ("LayoutLMModel", TEXT),
    "Owlvit": ("OwlViTModel", {"text_config": TEXT, "vision_config": IMAGE}),
    "PatchTST": (
        "PatchTSTForPrediction",
        {
            "context_length": 16,
            "prediction_length": 4,
            "patch_length": 4,
            "patch_stride": 4,
            "d_model": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "ffn_dim": 16,
        },
    ),
    "PatchTSMixer": (
        "PatchTSMixerForPrediction",
        {
            "context_length": 16,
            "prediction_length": 4,
            "patch_length": 4,
            "patch_stride": 4,
            "d_model": 16,
            "num_layers": 1,
        },
    ),
    "TimeSeriesTransformer": ("TimeSeriesTransformerModel", SERIES),
}
