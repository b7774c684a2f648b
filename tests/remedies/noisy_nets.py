"""Small models that draw in eval mode, each in its own way, and the pools to run them on."""

import random
from functools import cache

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from evalcheck.batch import Batch
from evalcheck.probe import Pool, Trial

WIDTH = 6


def pool(samples=64, width=WIDTH, targets=True, shape=()):
    """Seeded inputs, (samples, *shape, width), and classes by the sign of their first number."""
    x = torch.randn(samples, *shape, width, generator=torch.Generator().manual_seed(7))
    y = (x.flatten(1)[:, 0] > 0).long() if targets else None
    batch = Batch((x,), {}, y, samples)
    return Pool("the loader", (batch,), batch, 16)


def trial(model, **options):
    """The model on 64 samples of which one half judges; ``synthetic`` ones judge with all."""
    synthetic = options.pop("synthetic", False)
    return Trial(model, pool(targets=not synthetic, **options), synthetic=synthetic)


def headed(step, **parts):
    """A classifier of which ``step(self, features)`` is run between two layers that were trained without."""
    torch.manual_seed(0)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.head = nn.Linear(WIDTH, 32), nn.Linear(32, 2)
            weights, more = fitted()
            self.body.load_state_dict(weights)
            self.head.load_state_dict(more)
            for name, part in parts.items():
                setattr(self, name, part)

        def forward(self, x):
            return self.head(step(self, torch.tanh(self.body(x))))

    return Net()


@cache
def fitted():
    """Weights of a body and a head that know the classes: without noise, and better than guessing with it."""
    body, head = nn.Linear(WIDTH, 32), nn.Linear(32, 2)
    batch = pool().batches[0]
    parameters = [*body.parameters(), *head.parameters()]
    optimiser = torch.optim.Adam(parameters, 0.02)
    for _ in range(40):
        loss = F.cross_entropy(head(torch.tanh(body(batch.args[0]))), batch.targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return body.state_dict(), head.state_dict()


class Attention(nn.Module):
    """Fused attention over four positions, whose rate no mode turns off."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.project, self.head = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, x):
        q, k, v = self.project(x).chunk(3, -1)
        return self.head(F.scaled_dot_product_attention(q, k, v, dropout_p=0.3).mean(1))


def numpy_noise(self, x):
    return x + torch.from_numpy(numpy.random.randn(*x.shape)).to(x) + random.random()
