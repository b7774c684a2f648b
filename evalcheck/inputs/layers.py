"""What a layer takes: the shapes of an input that would be right if the layer came first."""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.modules.lazy import LazyModuleMixin

from evalcheck.inputs.spec import SAMPLES, STEPS, Spec, floats, ids

N = SAMPLES
# How many first layers are looked at before anything ran: later ones are seen when a trial calls them.
FIRST = 4
# Where a search begins: pictures of 64, signals of 256 values, volumes of 16 frames of 64 x 64.
PICTURE, SIGNAL, FRAMES = 64, 256, 16
# The width of what a lazy layer gets, which takes any: features, and the channels of sound, pictures, films.
FEATURES, CHANNELS = 16, {1: 1, 2: 3, 3: 3}


def first(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The first layers in the order of ``named_modules()`` that say what they take."""
    found = 0
    inside: tuple[str, ...] = ()
    for path, module in model.named_modules():
        if path.startswith(inside) or not takes(path, module):
            continue
        yield path, module
        found += 1
        # What lies within an attention or a recurrent layer is fed by it.
        inside = (*inside, f"{path}." if path else "")
        if found == FIRST or not path:
            return


def takes(path: str, module: nn.Module) -> list[Spec]:
    """Shapes that the layer accepts, the likeliest first; none for modules that say nothing."""
    if isinstance(module, _ConvTransposeNd):
        return [_image(module, size, path) for size in (1, 4, 8)]
    if isinstance(module, _ConvNd):
        return _convolution(module, path)
    if isinstance(module, nn.Linear):
        width = chosen(module) or module.in_features
        square = [(c, math.isqrt(width // c)) for c in (1, 3)]
        pictures = [floats(N, c, n, n, layer=path) for c, n in square if c * n * n == width and n > 4]
        return [floats(N, width, layer=path), floats(N, STEPS, width, layer=path), *pictures]
    if isinstance(module, (nn.Embedding, nn.EmbeddingBag)):
        rows = module.num_embeddings
        return [ids(N, STEPS, below=rows, layer=path), ids(N, below=rows, layer=path)]
    if isinstance(module, nn.RNNBase):
        return [_sequence(module.input_size, module.batch_first, path)]
    if isinstance(module, nn.RNNCellBase):
        return [floats(N, module.input_size, layer=path)]
    if isinstance(module, nn.Bilinear):
        return [floats(N, width, layer=path) for width in (module.in1_features, module.in2_features)]
    return _attention(module, path) or _norm(module, path)


def chosen(module: nn.Module | None) -> int | None:
    """The width made up for a lazy layer that never ran; None for layers that know theirs."""
    lazy = isinstance(module, LazyModuleMixin)
    if not lazy:
        return None
    if isinstance(module, nn.Linear):
        return None if module.in_features else FEATURES
    if isinstance(module, _ConvNd):
        if module.in_channels:
            return None
        # What is transposed is a map of features, and no picture.
        return FEATURES if isinstance(module, _ConvTransposeNd) else CHANNELS[len(module.kernel_size)]
    if isinstance(module, _NormBase) and not module.num_features:
        return FEATURES if "1d" in type(module).__name__ else CHANNELS[2]
    return None


def _convolution(module: _ConvNd, path: str) -> list[Spec]:
    channels, dimensions = chosen(module) or module.in_channels, len(module.kernel_size)
    if dimensions == 1:
        return [floats(N, channels, SIGNAL, free=(2,), layer=path)]
    if dimensions == 2:
        last = floats(N, PICTURE, PICTURE, channels, free=(1, 2), layer=path)
        return [_image(module, PICTURE, path), last]
    volume = floats(N, channels, PICTURE, PICTURE, PICTURE, free=(2, 3, 4), layer=path)
    return [floats(N, channels, FRAMES, PICTURE, PICTURE, free=(3, 4), layer=path), volume.resized(32)]


def _image(module: _ConvNd, size: int, path: str) -> Spec:
    dimensions = len(module.kernel_size)
    free = tuple(range(2, 2 + dimensions))
    channels = chosen(module) or module.in_channels
    return floats(N, channels, *[size] * dimensions, free=free, layer=path)


def _sequence(width: int, batch_first: bool, path: str) -> Spec:
    if batch_first:
        return floats(N, STEPS, width, layer=path)
    return floats(STEPS, N, width, batch=1, layer=path)


def _attention(module: nn.Module, path: str) -> list[Spec]:
    if isinstance(module, nn.Transformer):
        return [_sequence(module.d_model, module.batch_first, path)]
    if isinstance(module, (nn.TransformerEncoder, nn.TransformerDecoder)):
        return _attention(module.layers[0], path) if len(module.layers) else []
    if isinstance(module, (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)):
        module = module.self_attn
    if isinstance(module, nn.MultiheadAttention):
        return [_sequence(module.embed_dim, module.batch_first, path)]
    return []


def _norm(module: nn.Module, path: str) -> list[Spec]:
    if isinstance(module, (_NormBase, nn.GroupNorm)):
        width = module.num_channels if isinstance(module, nn.GroupNorm) else module.num_features
        channels = chosen(module) or width
        vector = floats(N, channels, layer=path)
        signal = floats(N, channels, SIGNAL, free=(2,), layer=path)
        picture = floats(N, channels, PICTURE, PICTURE, free=(2, 3), layer=path)
        volume = floats(N, channels, FRAMES, PICTURE, PICTURE, free=(3, 4), layer=path)
        kind = type(module).__name__
        if "3d" in kind:
            return [volume]
        return [picture] if "2d" in kind else [vector, signal, picture] if "1d" in kind else [picture, signal]
    if isinstance(module, nn.LayerNorm):
        shape = tuple(module.normalized_shape)
        return [floats(N, STEPS, *shape, layer=path), floats(N, *shape, layer=path)]
    return []
