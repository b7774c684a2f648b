"""Small models with parts that a remedy switches off, holds still, or fills: trained as noisy_nets are."""

import copy

import torch
from torch import nn
from torch.ao.quantization import FakeQuantize, MovingAverageMinMaxObserver

from evalcheck.batch import Batch
from evalcheck.probe import Pool, Trial
from tests.remedies.noisy_nets import headed, pool


def settled(model, batches=60):
    """Statistics that have seen the data."""
    model.train()
    with torch.no_grad():
        for _ in range(batches):
            model(pool().batches[0].args[0])
    return model


def quantised():
    fake = FakeQuantize(MovingAverageMinMaxObserver, quant_min=0, quant_max=255)
    return headed(lambda self, x: self.fake(x), fake=fake)


class Averaged(nn.Module):
    """Online model and average; eval mode runs the average, or with ``idle`` the online one."""

    def __init__(self, idle=False):
        super().__init__()
        torch.manual_seed(0)
        fresh = headed(lambda self, x: self.norm(5 * x + 2), norm=nn.BatchNorm1d(32))
        self.online, self.ema, self.idle = settled(copy.deepcopy(fresh)), fresh, idle
        self.ema.norm.weight.data.mul_(0.99)

    def forward(self, x):
        return self.online(x) if self.training or self.idle else self.ema(x)


def pinned():
    """A norm with frozen scale and shift, which train mode moves all the same."""
    norm = nn.BatchNorm1d(32).requires_grad_(False)
    norm.weight.data.fill_(0.9)
    return headed(lambda self, x: self.norm(x), norm=norm)


def instances():
    """An instance norm with running statistics, on samples of unequal loudness."""

    def step(self, x):
        return self.norm(x.unflatten(1, (4, 8)) * (1 + 3 * x[:, :1, None].abs())).flatten(1)

    return settled(headed(step, norm=nn.InstanceNorm1d(4, track_running_stats=True)))


def hidden():
    """A dropout in a plain list, which eval() does not reach."""
    model = headed(lambda self, x: self.kept[0](x))
    model.kept = [nn.Dropout(0.4)]
    return model


class Pooled(nn.Module):
    """A mean over all positions, padded ones too: the fast path leaves zeros there."""

    def __init__(self, masked=False):
        super().__init__()
        torch.manual_seed(0)
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.encoder, self.head, self.masked = nn.TransformerEncoder(layer, 1), nn.Linear(8, 2), masked

    def forward(self, x, src_key_padding_mask):
        x = self.encoder(x, src_key_padding_mask=src_key_padding_mask)
        if self.masked:
            x = x.masked_fill(src_key_padding_mask[..., None], 0.0)
        return self.head(x.mean(1))


def padded(model):
    x = torch.randn(32, 6, 8, generator=torch.Generator().manual_seed(1))
    mask = torch.arange(6)[None] >= torch.randint(2, 6, (32, 1), generator=torch.Generator().manual_seed(2))
    batch = Batch((), {"x": x, "src_key_padding_mask": mask}, (x[:, 0, 0] > 0).long(), 32)
    return Trial(model, Pool("the loader", (batch,), batch, 8))
