"""What each named input of a configured model looks like: words, pictures, sound, time series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch

from evalcheck.inputs.spec import SAMPLES, STEPS, Spec, constant, floats, ids

N = SAMPLES
# Half a second of sound at the usual rate.
WAVE = 8000
BANDS = ("num_mel_bins", "feature_size", "input_feat_per_channel", "feature_projection_input_dim", "n_mels")


def _text(config: Any) -> list[Spec]:
    vocabulary = number(config, "vocab_size") or 100
    words = ids(N, _length(config), below=vocabulary)
    # Some heads read the token that ends a sentence.
    end = number(config, "eos_token_id")
    return [replace(words, free=(1,), last=end if end is not None and end < vocabulary else None)]


def _mask(config: Any) -> list[Spec]:
    return [replace(constant(N, _length(config), value=1), free=(1,))]


def _length(config: Any) -> int:
    places = number(config, "max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
    return STEPS if places is None or places > STEPS + 4 else max(places - 4, 2)


def _picture(config: Any) -> list[Spec]:
    channels = number(config, "num_channels", "in_channels", "in_chans", "num_input_channels") or 3
    size = find(config, "image_size", "input_size", "crop_size")
    if isinstance(size, Mapping):
        size = (size.get("height", 0), size.get("width", 0))
    frames = number(config, "num_frames", "frames_per_clip")
    if isinstance(size, int) and size > 0:
        size = (size, size)
    if isinstance(size, (tuple, list)) and len(size) >= 2 and all(isinstance(n, int) and n for n in size):
        shape, free = (channels, *size[-2:]), False
    else:
        shape, free = (channels, 64, 64), True
    picture = floats(N, *shape, free=(2, 3) if free else ())
    film = [floats(N, frames, *shape, free=(3, 4) if free else ())] if frames else []
    return [*film, picture, *([] if free else [replace(picture, free=(2, 3)).resized(64)])]


def _spectrum(config: Any) -> list[Spec]:
    bands = number(
        config,
        "num_mel_bins",
        "feature_size",
        "input_feat_per_channel",
        "feature_projection_input_dim",
        "n_mels",
    )
    bands, frames = bands or 80, number(config, "max_source_positions")
    whole = [floats(N, bands, 2 * frames)] if frames else []
    return [
        *whole,
        floats(N, 128, bands, free=(1,)),
        floats(N, bands, 128, free=(2,)),
        floats(N, 1, 1024, bands),
    ]


def _sound(config: Any) -> list[Spec]:
    frames, bands = number(config, "max_length"), number(config, "num_mel_bins")
    spectrum = [floats(N, frames, bands)] if frames and bands and frames > 64 else []
    channels = number(config, "audio_channels") or 1
    wave = floats(N, WAVE, free=(1,))
    return [*spectrum, wave, floats(N, channels, WAVE, free=(2,))]


def _past(config: Any, width: int | None = None) -> list[Spec]:
    length = number(config, "context_length", "prediction_length") or 64
    lags = find(config, "lags_sequence")
    length += max(lags) if isinstance(lags, (list, tuple)) and lags else 0
    width = width or number(config, "num_input_channels", "input_size", "input_channels") or 1
    plain = [] if width > 1 or number(config, "num_input_channels") else [floats(N, length)]
    return [*plain, floats(N, length, width)]


def _future(config: Any) -> list[Spec]:
    length = number(config, "prediction_length") or 16
    return [floats(N, length, number(config, "num_time_features") or 1)]


def _observed(config: Any) -> list[Spec]:
    return [constant(*spec.shape, value=1, dtype=torch.float32) for spec in _past(config)]


def _wide(*names: str, length: int | None = None) -> Callable[[Any], list[Spec]]:
    """A sequence as wide as the configuration says under one of these names."""

    def make(config: Any) -> list[Spec]:
        width = number(config, *names) if names else 1
        return [floats(N, length or _length(config), width)] if width else []

    return make


MAKERS: Mapping[str, Callable[[Any], list[Spec]]] = {
    "input_ids": _text,
    "attention_mask": _mask,
    "decoder_input_ids": _text,
    "pixel_values": _picture,
    "pixel_values_videos": _picture,
    "input_features": _spectrum,
    "input_values": _sound,
    "decoder_input_values": _wide("num_mel_bins"),
    "bbox": lambda config: [constant(N, _length(config), 4, value=0)],
    "inputs": _wide("d_model"),
    "visual_feats": _wide("visual_feat_dim", length=10),
    "visual_pos": _wide("visual_pos_dim", length=10),
    "past_values": _past,
    "past_time_features": lambda config: _past(config, number(config, "num_time_features") or 1)[-1:],
    "past_observed_mask": _observed,
    "future_values": lambda config: [floats(N, number(config, "prediction_length") or 16)],
    "future_time_features": _future,
    "static_categorical_features": lambda config: (
        [constant(N, count, value=0)] if (count := number(config, "num_static_categorical_features")) else []
    ),
    "states": _wide("state_dim"),
    "actions": _wide("act_dim"),
    "rewards": _wide(),
    "returns_to_go": _wide(),
    "timesteps": lambda config: [ids(N, _length(config), below=_length(config))],
    "observed_mask": _observed,
}


def number(config: Any, *names: str) -> int | None:
    found = find(config, *names)
    found = found[0] if isinstance(found, (list, tuple)) and found else found
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def find(config: Any, *names: str) -> Any:
    """The first of these attributes that is set, in the configuration or in those within it."""
    inner = [value for value in getattr(config, "__dict__", {}).values() if hasattr(value, "model_type")]
    for part in (config, *inner):
        for name in names:
            try:
                value = getattr(part, name, None)
            except Exception:  # A property that does not hold for this configuration.
                continue
            if value is not None:
                return value
    return next((v for part in inner if (v := find(part, *names)) is not None), None)
