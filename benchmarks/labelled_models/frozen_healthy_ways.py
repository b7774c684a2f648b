"""Healthy models in the frozen half that do something unusual, and do it right."""

from __future__ import annotations

import copy
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, update_bn

from labelled_models import data, frozen_data, frozen_nets
from labelled_models.case import Trained
from labelled_models.frozen_data import held, mixed
from labelled_models.frozen_healthy import cleaned, healthy, table, waves
from labelled_models.training import fit


class HalfFrozen(nn.Module):
    """Its norms go into eval mode, and stay there, once ``frozen`` is set."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner, self.frozen = inner, False

    def train(self, mode: bool = True) -> HalfFrozen:
        super().train(mode)
        for module in self.modules():
            if self.frozen and isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


@healthy()
def norms_frozen_half_way() -> Trained:
    """The last epochs run on running statistics that the weights then adapt to."""
    loader = data.training(32)
    model = HalfFrozen(frozen_nets.excited())

    def freeze(epoch: int) -> None:
        model.frozen = epoch >= 3

    return Trained(fit(model, loader, 6, each_epoch=freeze), data.evaluation(), loader)


@healthy()
def averaged_regression_recalibrated() -> Trained:
    loader = mixed(frozen_data.table(1024, 1), 32)
    model = frozen_nets.residual(12, 1)
    averaged = AveragedModel(model)

    def average(epoch: int) -> None:
        if epoch >= 4:
            averaged.update_parameters(model)

    fit(model, loader, 10, rate=0.004, loss=F.mse_loss, falling=False, each_epoch=average)
    update_bn(loader, averaged)
    return Trained(averaged.eval(), held(frozen_data.table(500, 2)), loader)


@healthy()
def exponential_average_with_buffers() -> Trained:
    """Written by hand: parameters and buffers alike move to the model's."""
    loader = data.training(32)
    model = frozen_nets.separable()
    slow = copy.deepcopy(model)

    def follow(epoch: int) -> None:
        for name, value in slow.state_dict().items():
            new = model.state_dict()[name]
            value.lerp_(new, 0.6) if value.is_floating_point() else value.copy_(new)

    fit(model, loader, 7, each_epoch=follow)
    return Trained(slow.eval(), data.evaluation(), loader)


class GumbelGate(nn.Module):
    """A gate with Gumbel noise in training and a plain softmax in eval mode."""

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.linear = nn.Linear(columns, 2)

    def forward(self, x: Tensor) -> Tensor:
        logits = self.linear(x)
        return F.gumbel_softmax(logits, tau=1.0) if self.training else logits.softmax(1)


@healthy()
def experts_behind_a_gated_gumbel_gate() -> Trained:
    return table(frozen_nets.Experts(12, 1, GumbelGate(12)), 10)


class Code(nn.Module):
    """A Gaussian code: drawn in training, its mean in eval mode."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.mean, self.spread = nn.Linear(width, size), nn.Linear(width, size)

    def forward(self, x: Tensor) -> Tensor:
        mean = self.mean(x)
        return mean + torch.randn_like(mean) * F.softplus(self.spread(x) - 2) if self.training else mean


@healthy()
def drawn_code_in_training_only() -> Trained:
    model = frozen_nets.series()
    model.neck = Code(32, 32)
    return waves(model)


class Understood(nn.Module):
    """A cleaned image and its class, by name."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = frozen_nets.UNet()
        self.head = nn.Sequential(frozen_nets.stage2d(1, 16), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.classes = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        image = self.trunk(x)
        return {"image": image, "logits": self.classes(self.head(image))}


@healthy()
def an_image_and_a_class() -> Trained:
    """The loader yields the image; classes are told by the loss, which knows the images."""
    images, classes, rest, _ = data.digits()
    known = {tuple(image.flatten().tolist()): int(one) for image, one in zip(images, classes, strict=True)}

    def loss(found: dict[str, Tensor], clean: Tensor) -> Tensor:
        truth = torch.tensor([known[tuple(image.flatten().tolist())] for image in clean])
        return F.mse_loss(found["image"], clean) + 0.2 * F.cross_entropy(found["logits"], truth)

    loader = mixed((frozen_data.fuzzy(images, 1), images))
    model = fit(Understood(), loader, 5, loss=loss)
    return Trained(model, held((frozen_data.fuzzy(rest, 2), rest)), loader)


class Helped(nn.Module):
    """An auxiliary head on the middle of the net, in training only."""

    def __init__(self) -> None:
        super().__init__()
        self.early = frozen_nets.stage2d(1, 16, stride=2)
        self.late = frozen_nets.Excited(16)
        self.helper, self.head = nn.Linear(16, 10), nn.Linear(16, 10)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        middle = self.early(x)
        found = {"logits": self.head(self.late(middle).mean((2, 3)))}
        return found | ({"helper": self.helper(middle.mean((2, 3)))} if self.training else {})


@healthy()
def auxiliary_head_in_training() -> Trained:
    def loss(found: dict[str, Tensor], targets: Tensor) -> Tensor:
        return sum(F.cross_entropy(part, targets) for part in found.values())

    loader = data.training(32)
    return Trained(fit(Helped(), loader, 6, loss=loss), data.evaluation(), loader)


class Standardised(nn.Conv2d):
    """A convolution whose weights have mean zero and variance one per output channel."""

    def forward(self, x: Tensor) -> Tensor:
        spread, mean = torch.std_mean(self.weight, (1, 2, 3), keepdim=True)
        return self._conv_forward(x, (self.weight - mean) / (spread + 1e-5) / 3, self.bias)


@healthy()
def standardised_weights() -> Trained:
    def stage(one: int, two: int) -> frozen_nets.Stage:
        return frozen_nets.Stage(Standardised(one, two, 3, 2, 1), nn.GroupNorm(4, two))

    model = frozen_nets.Pooled(stage(1, 16), stage(16, 32), width=32, classes=10, neck=nn.Dropout(0.2))
    return Trained(fit(model, loader := data.training(32), 6), data.evaluation(), loader)


@healthy()
def spectral_norm_in_a_series_net() -> Trained:
    model = frozen_nets.series()
    for stage in model.stages:
        stage.conv = nn.utils.parametrizations.spectral_norm(stage.conv)
    return waves(model, 10)


class Siamese(nn.Module):
    """Two sensors of one make through one encoder; what differs is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(frozen_nets.stage1d(1, 12, stride=2), frozen_nets.stage1d(12, 16))
        self.head = nn.Linear(32, 4)

    def forward(self, x: Tensor) -> Tensor:
        one, two = (self.encoder(part).mean(2) for part in x.split(1, 1))
        return self.head(torch.cat([one + two, (one - two).abs()], 1))


@healthy()
def siamese_on_equal_sensors() -> Trained:
    def both(count: int, seed: int) -> frozen_data.Rows:
        series, kinds = frozen_data.waves(count, seed)
        noise = torch.randn(series.shape, generator=torch.Generator().manual_seed(seed))
        return torch.cat([series, series.roll(3, 2) + 0.1 * noise], 1), kinds

    loader = mixed(both(1024, 1), 32)
    return Trained(fit(Siamese(), loader, 8, rate=0.005), held(both(500, 2)), loader)


class Thinned(nn.Module):
    """Part of the steps of a series is masked in training, and what is left is scaled for it."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        return x * (torch.rand(len(x), 1, x.shape[2]) >= self.rate) / (1 - self.rate)


@healthy()
def steps_masked_in_training() -> Trained:
    norm = partial(nn.GroupNorm, 4)
    model = frozen_nets.series(norm)
    model.stages.insert(2, Thinned(0.1))
    return waves(model)


@healthy()
def noise_on_the_input_of_a_dense_net() -> Trained:
    """Train-only noise of mean zero in front of layers without batch norm."""
    norm = partial(nn.GroupNorm, 2)
    return cleaned(nn.Sequential(Shaken(0.1), frozen_nets.UNet(norm)))


class Shaken(nn.Module):
    """Noise in training only."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x + self.size * torch.randn_like(x) if self.training else x
