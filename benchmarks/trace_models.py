"""Models of many kinds and sizes for the cost of recording, from a small perceptron to a ResNet-50."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from menagerie import operators
from torch import Tensor, nn


@dataclass(frozen=True)
class Subject:
    """A model and the batch that it is run on."""

    name: str
    model: nn.Module
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)


class Unit(nn.Sequential):
    """Convolution, norm, ReLU."""

    def __init__(self, c: int, out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> None:
        conv = nn.Conv2d(c, out, kernel, stride, kernel // 2, groups=groups, bias=False)
        super().__init__(conv, nn.BatchNorm2d(out), nn.ReLU())


class Residual(nn.Module):
    """Units with a skip around them."""

    def __init__(self, c: int, out: int, stride: int = 1, wide: int = 1) -> None:
        super().__init__()
        inner = out // wide
        ends = 1 if wide > 1 else 3
        self.body = nn.Sequential(
            Unit(c, inner, ends),
            Unit(inner, inner, 3, stride),
            nn.Conv2d(inner, out, ends, padding=ends // 2),
        )
        self.norm = nn.BatchNorm2d(out)
        self.skip = nn.Identity() if c == out and stride == 1 else nn.Conv2d(c, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.body(x)) + self.skip(x))


def resnet(widths: list[int], depths: list[int], wide: int = 1) -> nn.Module:
    layers: list[nn.Module] = [Unit(3, widths[0], 7, 2), nn.MaxPool2d(3, 2, 1)]
    c = widths[0]
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        for block in range(depth):
            layers.append(Residual(c, width * wide, 2 if stage and not block else 1, wide))
            c = width * wide
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, 10))


class Dense(nn.Module):
    """Every unit sees all units before it."""

    def __init__(self, c: int, growth: int, depth: int) -> None:
        super().__init__()
        self.units = nn.ModuleList(Unit(c + i * growth, growth) for i in range(depth))

    def forward(self, x: Tensor) -> Tensor:
        seen = [x]
        for unit in self.units:
            seen.append(unit(torch.cat(seen, 1)))
        return torch.cat(seen, 1)


class Inverted(nn.Module):
    """MobileNet's block: wide and cheap inside."""

    def __init__(self, c: int) -> None:
        super().__init__()
        wide = 4 * c
        self.body = nn.Sequential(Unit(c, wide, 1), Unit(wide, wide, 3, groups=wide), nn.Conv2d(wide, c, 1))
        self.norm = nn.BatchNorm2d(c)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.norm(self.body(x))


class UNet(nn.Module):
    """Down, up, and across."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        steps = [*pairwise(width * 2**i for i in range(depth))]
        self.first = Unit(3, width)
        self.down = nn.ModuleList(Unit(a, b, stride=2) for a, b in steps)
        self.up = nn.ModuleList(Unit(a + b, a) for a, b in reversed(steps))

    def forward(self, x: Tensor) -> Tensor:
        kept = [self.first(x)]
        for down in self.down:
            kept.append(down(kept[-1]))
        x = kept.pop()
        for up in self.up:
            skip = kept.pop()
            x = up(torch.cat([skip, F.interpolate(x, skip.shape[2:])], 1))
        return x


class Block(nn.Module):
    """A transformer's block, written out."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.one, self.two = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor) -> Tensor:
        n, t, c = x.shape
        qkv = self.qkv(self.one(x)).reshape(n, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        weights = self.drop((q @ k.transpose(-2, -1) * (c // self.heads) ** -0.5).softmax(-1))
        x = x + self.drop(self.out((weights @ v).transpose(1, 2).reshape(n, t, c)))
        return x + self.drop(self.mlp(self.two(x)))


class Words(nn.Module):
    """Tokens in, logits out."""

    def __init__(self, width: int, depth: int, heads: int = 4, words: int = 1000) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(512, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(depth)))
        self.head = nn.Linear(width, words)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.blocks(self.words(ids) + self.places(torch.arange(ids.shape[1]))))


class Patches(nn.Module):
    """A vision transformer."""

    def __init__(self, width: int, depth: int, patch: int) -> None:
        super().__init__()
        self.patch = nn.Conv2d(3, width, patch, patch)
        self.blocks = nn.Sequential(*(Block(width, width // 64) for _ in range(depth)))
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(self.patch(x).flatten(2).transpose(1, 2)).mean(1))


class Tagger(nn.Module):
    """Two LSTM layers."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.rnn = nn.LSTM(32, width, 2, batch_first=True, bidirectional=True, dropout=0.2)
        self.head = nn.Linear(2 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0])


class Stepped(nn.Module):
    """A cell in a Python loop: many small operations."""

    def __init__(self, width: int, steps: int) -> None:
        super().__init__()
        self.cell, self.steps = nn.GRUCell(width, width), steps

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros_like(x)
        for _ in range(self.steps):
            state = self.cell(x, state)
        return state


class Encoder(nn.Module):
    """Torch's own transformer layers."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, depth)

    def forward(self, x: Tensor) -> Tensor:
        return self.encoder(x)


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(), nn.Linear(128, 10))


def mobile(width: int, depth: int) -> nn.Module:
    blocks = (Inverted(width) for _ in range(depth))
    return nn.Sequential(Unit(3, width, 3, 2), *blocks, nn.AdaptiveAvgPool2d(1))


def _image(batch: int, size: int) -> Tensor:
    return torch.randn(batch, 3, size, size)


def _ids(batch: int, length: int) -> Tensor:
    return torch.randint(0, 999, (batch, length))


OWN: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "perceptron": lambda: (perceptron(), torch.randn(32, 64)),
    "convolutional, 3 units": lambda: (nn.Sequential(Unit(3, 16), Unit(16, 32), Unit(32, 32)), _image(4, 16)),
    "ResNet-10, 32 px": lambda: (resnet([16, 32, 64, 128], [1, 1, 1, 1]), _image(4, 32)),
    "mobile, 8 blocks": lambda: (mobile(16, 8), _image(4, 64)),
    "U-Net, 32 px": lambda: (UNet(8, 4), _image(4, 32)),
    "dense, 12 units": lambda: (Dense(3, 12, 12), _image(4, 16)),
    "words, 2 blocks": lambda: (Words(64, 2), _ids(8, 16)),
    "encoder, 2 layers": lambda: (Encoder(64, 2), torch.randn(8, 16, 64)),
    "LSTM tagger": lambda: (Tagger(64), torch.randn(8, 20, 32)),
    "GRU cell, 60 steps": lambda: (Stepped(32, 60), torch.randn(8, 32)),
    "ResNet-18, 112 px": lambda: (resnet([64, 128, 256, 512], [2, 2, 2, 2]), _image(2, 112)),
    "mobile, 16 blocks": lambda: (mobile(24, 16), _image(8, 112)),
    "U-Net, 96 px": lambda: (UNet(16, 5), _image(8, 96)),
    "dense, 40 units": lambda: (Dense(3, 12, 40), _image(4, 32)),
    "words, 8 blocks": lambda: (Words(256, 8), _ids(4, 32)),
    "encoder, 6 layers": lambda: (Encoder(256, 6), torch.randn(4, 32, 256)),
    "patches, 12 blocks, 96 px": lambda: (Patches(192, 12, 16), _image(8, 96)),
    "GRU cell, 400 steps": lambda: (Stepped(256, 400), torch.randn(32, 256)),
    "ResNet-50, 176 px": lambda: (resnet([64, 128, 256, 512], [3, 4, 6, 3], 4), _image(4, 176)),
    "patches, 12 blocks, 224 px": lambda: (Patches(384, 12, 16), _image(4, 224)),
    "U-Net, 192 px": lambda: (UNet(32, 5), _image(4, 192)),
    "words, 12 blocks": lambda: (Words(512, 12, 8), _ids(8, 64)),
}

TIMM = {
    "mobilenetv3_small_100": (8, 224),
    "efficientnet_b0": (2, 128),
    "regnetx_002": (8, 224),
    "swin_tiny_patch4_window7_224": (2, 224),
    "convnext_atto": (8, 128),
    "resnet50": (4, 224),
}


def _own(name: str) -> Subject:
    torch.manual_seed(0)
    model, batch = OWN[name]()
    return Subject(name, model, (batch,))


def _timm(name: str, batch: int, size: int) -> Subject:
    import timm

    return Subject(f"timm {name}", timm.create_model(name, pretrained=False), (_image(batch, size),))


def _bert(width: int, depth: int, batch: int, length: int) -> Subject:
    from transformers import BertConfig, BertModel

    sizes = {"hidden_size": width, "intermediate_size": 4 * width, "vocab_size": 1000}
    config = BertConfig(**sizes, num_hidden_layers=depth, num_attention_heads=4)
    return Subject(f"transformers Bert {width}x{depth}", BertModel(config), (_ids(batch, length),))


def _t5(width: int, depth: int, batch: int, length: int) -> Subject:
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"d_model": width, "d_kv": width // 4, "d_ff": 4 * width, "num_heads": 4, "num_layers": depth}
    model = T5ForConditionalGeneration(T5Config(**sizes, vocab_size=1000, decoder_start_token_id=0))
    ids = _ids(batch, length)
    return Subject(f"transformers T5 {width}x{depth}", model, kwargs={"input_ids": ids, "labels": ids})


def subjects() -> Iterator[Callable[[], Subject]]:
    """A maker for each model: one is built at a time. Those of packages that are missing are left out."""
    yield from (partial(_own, name) for name in OWN)
    if importlib.util.find_spec("timm"):
        operators.declare()
        yield from (partial(_timm, name, *sizes) for name, sizes in TIMM.items())
    if importlib.util.find_spec("transformers"):
        yield from (partial(_bert, *sizes) for sizes in ((32, 2, 4, 16), (256, 6, 8, 64)))
        yield from (partial(_t5, *sizes) for sizes in ((32, 2, 4, 16), (256, 6, 8, 64)))
