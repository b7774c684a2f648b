"""Modules of a user's own that ask for the mode, right and wrong ones, and nets around them."""

from __future__ import annotations

import torch
from torch import nn

from evalcheck.probe import Trial, draw
from tests.probe.nets import CLASSES, FEATURES, batches, mlp


class Drop(nn.Module):
    """Dropout of one's own; without its factor unless ``scaled``."""

    def __init__(self, p=0.5, scaled=False):
        super().__init__()
        self.p, self.scaled = p, scaled

    def forward(self, x):
        if not self.training:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.p)
        return x * kept / (1 - self.p) if self.scaled else x * kept


class Path(nn.Module):
    """Stochastic depth, in place where asked, as in timm."""

    def __init__(self, p=0.5, scaled=True, inplace=False):
        super().__init__()
        self.drop_prob, self.scaled, self.inplace = p, scaled, inplace

    def forward(self, x):
        if not self.training:
            return x
        kept = x.new_empty((len(x), *(1 for _ in x.shape[1:]))).bernoulli_(1 - self.drop_prob)
        kept = kept / (1 - self.drop_prob) if self.scaled else kept
        return x.mul_(kept) if self.inplace else x * kept


class Gain(nn.Module):
    def forward(self, x):
        return 1.8 * x if self.training else x


class Noise(nn.Module):
    def forward(self, x):
        return x + 0.5 * torch.randn_like(x) if self.training else x


class Mixup(nn.Module):
    def forward(self, x):
        return 0.8 * x + 0.2 * x[torch.randperm(len(x))] if self.training else x


class Flip(nn.Module):
    """Augmentation: its mean is not its eval output, and should not be."""

    def forward(self, x):
        return torch.where(torch.rand(len(x), 1) < 0.5, x.flip(1), x) if self.training else x


class OwnNorm(nn.Module):
    """Batch norm written anew, with running statistics of its own."""

    def __init__(self, width=32, momentum=0.1):
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("var", torch.ones(width))

    def forward(self, x):
        mean, var = self.mean, self.var
        if self.training:
            mean, var = x.mean(0), x.var(0)
            self.mean.lerp_(mean.detach(), self.momentum)
            self.var.lerp_(var.detach(), self.momentum)
        return (x - mean) / (var + 1e-5).sqrt()


class Branch(nn.Module):
    def __init__(self, path):
        super().__init__()
        self.body = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32))
        self.path = path

    def forward(self, x):
        return x + self.path(self.body(x))


class Auxiliary(nn.Module):
    """Gives more in train mode, and asks for the mode at the top."""

    def __init__(self):
        super().__init__()
        self.net, self.extra = mlp(norm=nn.LayerNorm), nn.Linear(FEATURES, CLASSES)

    def forward(self, x):
        return (self.net(x), self.extra(x)) if self.training else self.net(x)


def around(module, norm=None):
    """A net with the module between two layers, and perhaps a norm behind it."""
    parts = [nn.Linear(FEATURES, 32), nn.ReLU(), module, *([norm] if norm else [])]
    return nn.Sequential(*parts, nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, CLASSES))


def branched(path):
    """Four residual branches behind a path each."""
    return nn.Sequential(nn.Linear(FEATURES, 32), *(Branch(path()) for _ in range(4)), nn.Linear(32, CLASSES))


def trial(model, count=512, targets=True, **options):
    """The subject over held and training batches of the nets' data."""
    pools = []
    for seed, name in ((2, "held"), (5, "feed")):
        loader = batches(count, seed)
        loader = loader if targets else [x for x, _ in loader]
        pools.append(draw(loader, model, name, device=torch.device("cpu")))
    return Trial(model, *pools, **options)
