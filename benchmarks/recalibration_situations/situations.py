"""The situations: small nets trained on scikit-learn's digits, seeded, with what goes wrong in practice."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from digits import Images, Net, classes, fit, load, steps
from shared_norms import TwoPersons, persons
from torch import Tensor, nn
from torch.nn.utils import prune
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader

from recalibration_situations.case import BATCH, Case, Situation, loader

EPOCHS = 12
images = cache(load)
# Training takes place inside one context: without this it would go on with the first step's weights.
bfloat16 = partial(torch.autocast, "cpu", torch.bfloat16, cache_enabled=False)


def net(**options: Any) -> Net:
    """Seven norms."""
    return Net(8, extra=4, **options)


def case(model: nn.Module, feed: DataLoader | None = None, **options: Any) -> Case:
    """On the digits, shuffled in batches of 128 where no other loader is given."""
    train, test = images()
    return Case(model.eval(), feed or loader(train.x, train.y), test.batches(), **options)


def stale(seed: int) -> Case:
    train, _ = images()
    kept: dict[str, Tensor] = {}

    def after(epoch: int) -> None:
        if epoch == 3:
            kept.update({name: b.clone() for name, b in model.named_buffers()})

    model = net()
    fit(model, train, EPOCHS, seed=seed, after=after)
    model.load_state_dict(kept, strict=False)
    return case(model)


def slow_momentum(seed: int) -> Case:
    return case(fit(net(momentum=0.01), images()[0], 3, seed=seed))


def dropout(place: str, seed: int) -> Case:
    return case(fit(net(place=place, q=0.3), images()[0], EPOCHS, seed=seed))


def class_sorted(seed: int) -> Case:
    train, _ = images()
    model = fit(net(), train, EPOCHS, seed=seed)
    rows = train.y.argsort(stable=True)
    return case(model, loader(train.x[rows], train.y[rows], shuffle=False))


def large_sorted(seed: int) -> Case:
    """Each image ten times, a little changed, so that the set is larger than evalcheck reads of one."""
    train, _ = images()
    model = fit(net(), train, EPOCHS, seed=seed)
    rows = train.y.argsort(stable=True).repeat_interleave(10)
    noise = 0.1 * torch.randn(len(rows), 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return case(model, loader(train.x[rows] + noise, train.y[rows], shuffle=False))


def ragged(seed: int) -> Case:
    """Ten full batches and one of 3, 2 or 1 images that are inverted."""
    train, _ = images()
    model, tail = fit(net(), train, EPOCHS, seed=seed), 3 - seed % 3
    x = train.x[: 10 * BATCH + tail].clone()
    x[10 * BATCH :] = 1 - x[10 * BATCH :]
    return case(model, loader(x, train.y[: len(x)], shuffle=False))


class Flat(nn.Module):
    """The net with one more norm, over vectors: it cannot normalise a batch of one."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()
        self.norm, self.head = nn.BatchNorm1d(10), nn.Linear(10, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.net(x)).relu())


def last_of_one(seed: int) -> Case:
    train, _ = images()
    train = train[slice(0, 10 * BATCH + 1)]
    return case(fit(Flat(), train, EPOCHS, seed=seed), loader(train.x, train.y))


def of_persons(seed: int) -> tuple[Images, Images]:
    """Images of two persons, to train on and to test with."""
    train, test = images()
    return persons(train, seed), persons(test, 100 + seed)


def shared_norm(seed: int) -> Case:
    train, test = of_persons(seed)
    model = fit(TwoPersons("one"), train, 12, seed=seed)
    return Case(model, loader(train.x, train.y), test.batches())


def tiny(seed: int) -> Case:
    """Trained and fed in batches of 4, 3 or 2."""
    train, _ = images()
    size = 4 - seed % 3
    # The rate that goes with such batches.
    return case(fit(net(), train, 4, lr=0.004 * size, size=size, seed=seed), loader(train.x, train.y, size))


class Keywords(nn.Module):
    """The net behind a forward of two keyword arguments, as transformers' models have it."""

    def __init__(self) -> None:
        super().__init__()
        self.net = net()

    def forward(self, *, pixel_values: Tensor, mask: Tensor) -> Tensor:
        return self.net(pixel_values * mask)


def dicts(seed: int) -> Case:
    train, test = images()
    model = Keywords()
    model.net.load_state_dict(stale(seed).model.state_dict())

    def rows(part: Images) -> list[dict[str, Tensor]]:
        mask = torch.ones(1, 8, 8)
        return [{"pixel_values": x, "mask": mask, "labels": y} for x, y in zip(part.x, part.y, strict=True)]

    def call(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return model(pixel_values=batch["pixel_values"], mask=batch["mask"])

    feed = DataLoader(rows(train), batch_size=BATCH, shuffle=True)
    judge = list(DataLoader(rows(test), batch_size=BATCH))
    return Case(
        model.eval(), feed, judge, call, target=lambda batch: batch["labels"], inputs=lambda loader: loader
    )


def autocast(seed: int) -> Case:
    with bfloat16():
        model = fit(net(momentum=0.01), images()[0], 3, seed=seed)
    return case(model, around=bfloat16)


def half(seed: int) -> Case:
    """Trained in float32, then kept in bfloat16, buffers too."""
    train, test = images()
    model = slow_momentum(seed).model.bfloat16()
    judge = [(x.bfloat16(), y) for x, y in test.batches()]
    return Case(model, loader(train.x.bfloat16(), train.y), judge)


def averaged(seed: int) -> Case:
    model = net()
    mean = AveragedModel(model)

    def after(epoch: int) -> None:
        if epoch > EPOCHS // 2:
            mean.update_parameters(model)

    fit(model, images()[0], EPOCHS, seed=seed, after=after)
    return case(mean)


def pruned(seed: int) -> Case:
    model = fit(net(), images()[0], EPOCHS, seed=seed)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            prune.l1_unstructured(module, "weight", amount=0.5)
    with torch.no_grad():
        model(images()[0].x[:2])  # so that the masked weights carry no graph: with one no model can be copied
    return case(model)


class Frozen(Net):
    """Its first norm keeps the statistics that it came with: the usual way to freeze one."""

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        self.first.bn.eval()
        return self


def frozen(seed: int) -> Case:
    """Pretrained on digits, tuned for a few steps on inverted ones."""
    train, test = (part.changed(lambda x: 1 - x) for part in images())
    model = Frozen(8, extra=4, momentum=0.01)
    model.load_state_dict(fit(net(), images()[0], EPOCHS, seed=seed).state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    for _ in range(3):
        model.train()
        for batch in steps(train, BATCH):
            optimizer.zero_grad()
            classes(model(batch.x), batch.y).backward()
            optimizer.step()
    model.zero_grad()
    return Case(model.eval(), loader(train.x, train.y), test.batches(), frozen=("first.bn",))


SITUATIONS = (
    Situation("stale EMA", "weights moved on, buffers are those of epoch 3 of 12", stale),
    Situation("momentum 0.01", "30 updates, so that 0.74 of the initial values is left", slow_momentum),
    Situation("dropout before norm", "dropout of 0.3 in front of each norm", partial(dropout, "a")),
    Situation("dropout before conv", "dropout of 0.3 in front of convolutions", partial(dropout, "b")),
    Situation("class-sorted batches", "a loader that does not shuffle a sorted set", class_sorted),
    Situation("large sorted set", "the same with ten times as many images, 12,970", large_sorted),
    Situation("ragged tail", "a last batch of 3, 2 or 1 inverted images", ragged),
    Situation("last batch of one", "a norm over vectors, which cannot normalise one sample", last_of_one),
    Situation("shared norm", "one norm for two persons, the second mostly absent", shared_norm, shared=True),
    Situation("tiny batches", "trained and fed in batches of 4, 3 or 2", tiny),
    Situation("dict batches", "stale EMA; the forward takes two keywords", dicts),
    Situation("autocast", "bfloat16 autocast around training, test and tool; momentum 0.01", autocast),
    Situation("bfloat16 model", "weights and buffers in bfloat16; momentum 0.01", half),
    Situation("averaged weights", "AveragedModel of the epochs 7 to 12", averaged),
    Situation("pruned weights", "half of every convolution's weights at 0", pruned),
    Situation(
        "frozen first norm",
        "tuned on other images; its own train() leaves the first norm in eval mode",
        frozen,
    ),
)
assert len({situation.name for situation in SITUATIONS}) == len(SITUATIONS)
