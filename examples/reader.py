"""A transformer that goes on dropping attention weights in eval mode, and answers differently each time.

`F.scaled_dot_product_attention` is a function and knows no mode: it drops with the rate that it is
given. Many models hand it their rate whatever the mode is; nanoGPT did, and so did timm's vision
transformers. Ask for the reason:

    evalcheck examples/reader.py:build_model

`python examples/reader.py` trains the model again (about ten seconds) and rewrites reader.pt.
"""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

THINGS, COLOURS, LENGTH = 8, 8, 8
WORDS = THINGS * COLOURS + THINGS
WEIGHTS = Path(__file__).with_suffix(".pt")


def stories(count: int, seed: int) -> TensorDataset:
    """Eight coloured things, then a question for one: words (count, 9), the colour asked for (count,)."""
    draw = torch.Generator().manual_seed(seed)
    things = torch.rand(count, THINGS, generator=draw).argsort(1)[:, :LENGTH]
    colours = torch.randint(COLOURS, (count, LENGTH), generator=draw)
    asked = torch.randint(LENGTH, (count, 1), generator=draw)
    question = THINGS * COLOURS + things.gather(1, asked)
    words = torch.cat([things * COLOURS + colours, question], dim=1)
    return TensorDataset(words, colours.gather(1, asked).squeeze(1))


class Attention(nn.Module):
    """Causal self-attention of several heads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        count, length, width = x.shape
        q, k, v = self.qkv(x).view(count, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        x = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)
        return self.out(x.transpose(1, 2).reshape(count, length, width))


class Block(nn.Module):
    def __init__(self, width: int, attention: nn.Module) -> None:
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), attention
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Reader(nn.Module):
    """Reads the words and answers behind the last one."""

    def __init__(self, attention: type[Attention] = Attention, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.block = Block(width, attention(width, heads=2, dropout=0.4))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, COLOURS)

    def forward(self, words: Tensor) -> Tensor:
        return self.head(self.norm(self.block(self.words(words))[:, -1]))


def train_loader() -> DataLoader:
    return DataLoader(stories(2560, seed=1), batch_size=64, shuffle=True)


def eval_loader() -> DataLoader:
    return DataLoader(stories(512, seed=2), batch_size=64)


def train(model: nn.Module, epochs: int = 25) -> nn.Module:
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loader = train_loader()
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, epochs * len(loader))
    model.train()
    for _ in range(epochs):
        for words, colour in loader:
            loss = F.cross_entropy(model(words), colour)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model


def build_model() -> nn.Module:
    """The trained model: from its weights file, or trained now."""
    torch.manual_seed(2)
    model = Reader()
    if WEIGHTS.exists():
        model.load_state_dict(torch.load(WEIGHTS, weights_only=True))
    else:
        train(model)
    return model


if __name__ == "__main__":
    WEIGHTS.unlink(missing_ok=True)
    torch.save(build_model().state_dict(), WEIGHTS)
