"""Small nets as people write them, each with another way to say what its input is."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LeNet(nn.Module):
    """Takes pictures of 32 x 32 only, which nothing but the flattened length tells."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.last = nn.Linear(16 * 5 * 5, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.two(F.max_pool2d(self.one(x), 2)), 2)
        return self.last(x.view(-1, 16 * 5 * 5))


class Viewed(nn.Module):
    """A larger picture would run too: as several rows for each sample."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(F.max_pool2d(self.conv(x), 8).view(-1, 8 * 16))


class Words(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rnn = nn.Embedding(50, 8), nn.LSTM(8, 16, batch_first=True)
        self.last = nn.Linear(16, 2)

    def forward(self, text: Tensor, lengths: Tensor) -> Tensor:
        packed = nn.utils.rnn.pack_padded_sequence(
            self.embed(text), lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return self.last(self.rnn(packed)[1][0][0])


class Patches(nn.Module):
    """A table of positions tells the size of its pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.cut, self.places = nn.Conv2d(3, 16, 4, 4), nn.Parameter(torch.zeros(1, 49, 16))
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.cut(x).flatten(2).transpose(1, 2) + self.places).mean(1)


class Both(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.seen, self.told, self.last = nn.Conv2d(3, 4, 3), nn.Linear(5, 4), nn.Linear(8, 2)

    def join(self, image: Tensor, table: Tensor) -> Tensor:
        return self.last(torch.cat([self.seen(image).mean((2, 3)), self.told(table)], 1))


class TwoArguments(Both):
    def forward(self, image: Tensor, table: Tensor) -> Tensor:
        return self.join(image, table)


class Mapped(Both):
    def forward(self, batch: dict[str, Tensor]) -> Tensor:
        return self.join(batch["image"], batch["table"])


class Paired(Both):
    def forward(self, inputs: tuple[Tensor, Tensor]) -> Tensor:
        image, table = inputs
        return self.join(image, table)


class Conditional(nn.Module):
    """The noise is as wide as what the embedding leaves of the first layer's width."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.last = nn.Embedding(10, 6), nn.Linear(26, 4)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.last(torch.cat([self.embed(labels), noise], -1))


class Denoiser(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.time = nn.Conv2d(3, 8, 3, padding=1), nn.Embedding(1000, 8)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.conv(x) + self.time(t)[:, :, None, None]


class Offsets(nn.Module):
    """Columns that share one table: an index may be too large though the table is large enough."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.starts = nn.Embedding(16, 4), torch.tensor([0, 4, 6])

    def forward(self, x: Tensor) -> Tensor:
        return self.embed(x + self.starts).sum((1, 2))


class Deciding(nn.Module):
    """Looks at values, which the meta device does not have."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(9, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(-x if x.mean() > 0 else x)


class Unsqueezed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.unsqueeze(1)).mean((2, 3))


class ChannelsLast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(5, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x.permute(0, 3, 1, 2)).mean((2, 3))


class Disordered(nn.Module):
    """Registers its last layer first."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.norm, self.conv = nn.Linear(8, 2), nn.BatchNorm2d(8), nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.conv(x)).mean((2, 3)))


class Bare(nn.Module):
    """No layers, only a matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(37, 5))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight


class Graph(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(7, 4)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        return self.last(x)


class Never(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(7, 4)

    def forward(self, x: Tensor) -> Tensor:
        raise ValueError("not today")


def halving(steps: int) -> nn.Module:
    """A convolutional net that halves its picture, with a norm after each step."""
    layers: list[nn.Module] = []
    for step in range(steps):
        layers += [nn.Conv2d(3 if step == 0 else 4, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
