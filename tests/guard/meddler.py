"""A model whose forward writes all that a forward can write, and changes of many kinds."""

from __future__ import annotations

import array
import random
from collections import Counter, OrderedDict, defaultdict, deque

import numpy
import torch
from torch import nn


class Thing:
    """A plain object with fields; calling any method of its own would be noticed."""

    def __init__(self):
        self.count, self.notes = 0, []
        self.norm = nn.BatchNorm1d(4)
        self.values = torch.zeros(2)

    def __getattr__(self, name):
        raise AssertionError(f"the guard asked for {name}")

    def __setattr__(self, name, value):
        object.__setattr__(self, name, value)

    def __eq__(self, other):
        raise AssertionError("the guard compared")

    __hash__ = object.__hash__


class Slotted:
    """The same with slots, one of them unset."""

    __slots__ = ("count", "norm", "unset")

    def __init__(self):
        self.count, self.norm = 0, nn.BatchNorm1d(4)


class Meddler(nn.Module):
    """Writes attributes, containers, buffers, norms, its own weights."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(4)
        self.layer = nn.Linear(4, 4)
        self.hidden = [nn.BatchNorm1d(4), (nn.Linear(4, 4), {"deep": deque([nn.Linear(4, 4)])})]
        self.count, self.history, self.cache = 0, [], {"last": None}
        self.register_buffer("seen", torch.zeros(4))
        self.register_buffer("nothing", None)
        self.register_buffer("passing", torch.zeros(2), persistent=False)
        self.plain = torch.zeros(2)
        self.alias = [self.seen]
        self.pinned = (torch.zeros(2), [torch.ones(2)])
        self.queue, self.nested = deque([1, 2], maxlen=3), [[1], [2, [3]]]
        self.table, self.ordered = {"a": [1]}, OrderedDict(a=1, b=2)
        self.tally, self.default, self.names = Counter(a=1), defaultdict(list, a=[1]), {1, 2}
        self.array, self.raw, self.numbers = numpy.zeros(3), bytearray(b"abc"), array.array("d", [0.0])
        self.thing, self.slotted, self.things = Thing(), Slotted(), {"x": [Thing()]}
        self.generators = [torch.Generator(), random.Random(1), numpy.random.default_rng(1)]
        self.generator, self.old_generator = torch.Generator(), numpy.random.RandomState(1)

    def forward(self, x):
        self.count += 1
        self.history.append(self.count)
        self.cache["last"] = x
        self.seen += x.mean(0).detach()
        self.plain += 1
        self.norm.momentum = 0.5
        with torch.no_grad():
            self.layer.weight.mul_(1.5)
        return self.hidden[0](self.norm(self.layer(x)))


def containers(model):
    """Write to each kind of container, as deep as they go."""
    model.queue.append(3)
    model.queue.append(4)
    model.nested[1][1].append(4)
    model.table["a"].append(2)
    model.ordered.move_to_end("a")
    model.tally["a"] += 1
    model.default["b"].append(1)
    model.names.add(3)
    model.array[0] = -0.0
    model.raw += b"d"
    model.numbers[0] = -0.0
    model.pinned[0].add_(1)
    model.pinned[1][0].neg_()


def objects(model):
    """Write to objects with fields and slots, and to modules inside them."""
    model.thing.count += 1
    model.thing.new = 1
    model.thing.values += 1
    model.thing.norm(torch.randn(3, 4))
    model.slotted.count, model.slotted.unset = 1, 2
    model.slotted.norm.eval()
    model.things["x"][0].notes.append(1)


def draw(model):
    """Draw from every generator that the model keeps."""
    torch.rand(2, generator=model.generator)
    torch.rand(2, generator=model.generators[0])
    model.generators[1].random()
    model.generators[2].random()
    model.old_generator.rand()


def hidden(model):
    """Change parameters that ``model.parameters()`` does not give."""
    for layer in (model.hidden[1][0], model.hidden[1][1]["deep"][0]):
        layer(torch.randn(2, 4)).sum().backward()
        layer.weight.data.mul_(-0.0)
        layer.bias.requires_grad_(False)


def changes(model):
    """One change each of many kinds, by name."""
    x = torch.randn(8, 4)
    return {
        "forward": lambda: model(x),
        "eval": lambda: model.eval(),
        "train": lambda: model.train(),
        "reset statistics": lambda: model.norm.reset_running_stats(),
        "new buffer": lambda: model.norm.__setattr__("running_mean", torch.ones(4)),
        "backward": lambda: model.norm(model.layer(x)).sum().backward(),
        "freeze": lambda: model.requires_grad_(False),
        "hook": lambda: model.norm.register_forward_hook(lambda *_: None),
        "parameter hook": lambda: model.layer.weight.register_hook(lambda g: g),
        "attribute": lambda: setattr(model, "new", 3),
        "field": lambda: setattr(model.layer.weight, "new", 3),
        "delete": lambda: delattr(model, "count"),
        "draw": lambda: (torch.rand(3), numpy.random.rand(3), random.random()),
        "draw own": lambda: draw(model),
        "no grad": lambda: torch.set_grad_enabled(False),
        "fast path": lambda: torch.backends.mha.set_fastpath_enabled(False),
        "dtype": lambda: torch.set_default_dtype(torch.float64),
        "deterministic": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
        "swap module": lambda: setattr(model, "layer", nn.Linear(4, 4)),
        "weights": lambda: model.layer.weight.data.fill_(7.0),
        "double": lambda: model.double(),
        "containers": lambda: containers(model),
        "objects": lambda: objects(model),
        "hidden": lambda: hidden(model),
        "parametrize": lambda: nn.utils.parametrizations.weight_norm(model.layer),
    }
