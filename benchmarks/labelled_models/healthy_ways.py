"""Healthy models that do something unusual, and do it right."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn
from torch.utils.data import DataLoader

from labelled_models import data, nets
from labelled_models.case import HEALTHY, Trained, case
from labelled_models.training import fit


class Frozen(nn.Module):
    """A backbone whose batch norms stay in eval mode while a head is trained on it."""

    def __init__(self, backbone: nets.Classifier) -> None:
        super().__init__()
        self.backbone, self.head = backbone, nets.layer(10, 10, norm=nn.LayerNorm)

    def train(self, mode: bool = True) -> Frozen:
        super().train(mode)
        for module in self.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.backbone(x))


@case(HEALTHY)
def frozen_norms() -> Trained:
    loader = data.training(64)
    model = Frozen(fit(nets.cnn(), loader, 16)).requires_grad_(False)
    model.head.requires_grad_(True)
    return Trained(fit(model, loader, 6), data.evaluation(), loader)


@case(HEALTHY)
def average_with_recalibrated_norms() -> Trained:
    loader = data.training(32)
    model = nets.cnn(rate=0.2)
    averaged = AveragedModel(model)

    def average(epoch: int) -> None:
        if epoch >= 3:
            averaged.update_parameters(model)

    fit(model, loader, 8, falling=False, each_epoch=average)
    update_bn(loader, averaged)
    return Trained(averaged.eval(), data.evaluation(), loader)


@case(HEALTHY)
def average_of_weights_and_statistics() -> Trained:
    """An exponential average that takes the statistics along."""
    loader = data.training(32)
    model = nets.cnn()
    averaged = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.5), use_buffers=True)
    fit(model, loader, 14, each_epoch=lambda _: averaged.update_parameters(model))
    return Trained(averaged.eval(), data.evaluation(), loader)


class Dimmed:
    """A loader whose every batch is a little brighter or darker than the next."""

    def __init__(self, loader: DataLoader) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, classes in self.loader:
            yield images * (0.8 + 0.4 * torch.rand(())), classes

    def __len__(self) -> int:
        return len(self.loader)


@case(HEALTHY)
def augmentation_by_batch() -> Trained:
    loader = Dimmed(data.training(32))
    return Trained(fit(nets.cnn(), loader, 14), data.evaluation(), loader)


class Noisy(nn.Module):
    """Gaussian noise on the input in training only."""

    def forward(self, x: Tensor) -> Tensor:
        return x + 0.3 * torch.randn_like(x) if self.training else x


@case(HEALTHY)
def noise_in_training_only() -> Trained:
    loader = data.training(64, data.flat)
    model = nn.Sequential(Noisy(), nets.mlp(norm=nn.LayerNorm))
    return Trained(fit(model, loader, 10), data.evaluation(data.flat), loader)


@case(HEALTHY)
def eval_better_than_train() -> Trained:
    """Train mode at a high rate is far worse than eval mode, as it should be."""
    loader = data.training(64, data.flat)
    model = nets.Classifier([nets.layer(64, 128)], 128, rate=0.8)
    return Trained(fit(model, loader, 20), data.evaluation(data.flat), loader)


@case(HEALTHY)
def cumulative_average() -> Trained:
    """momentum=None from when the weights hardly move any more."""
    loader = data.training(32)
    model = fit(nets.cnn(), loader, 14)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
            module.reset_running_stats()
    return Trained(fit(model, loader, 3, rate=2e-4), data.evaluation(), loader)


class Answers(nn.Module):
    """Several outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nets.layer(64, 48), nets.layer(48, 48))
        self.classes, self.parity = nn.Linear(48, 10), nn.Linear(48, 2)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.trunk(x)
        return {"logits": self.classes(features), "parity": self.parity(features)}


@case(HEALTHY)
def several_outputs() -> Trained:
    def loss(found: dict[str, Tensor], targets: Tensor) -> Tensor:
        return F.cross_entropy(found["logits"], targets) + F.cross_entropy(found["parity"], targets % 2)

    loader = data.training(64, data.flat)
    return Trained(fit(Answers(), loader, 10, loss=loss), data.evaluation(data.flat), loader)


class Depth(nn.Module):
    """Stochastic depth: a branch is dropped sample by sample, and kept ones are scaled for it."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.rate
        return x * kept / (1 - self.rate)


@case(HEALTHY)
def stochastic_depth() -> Trained:
    loader = data.training(64, data.flat)
    model = nets.residual_mlp([Depth(0.1), Depth(0.15), Depth(0.2)])
    return Trained(fit(model, loader, 12), data.evaluation(data.flat), loader)


class Pairs(nn.Module):
    """One encoder for two images of the same kind; their sum's features are classified."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nets.layer(64, 48), nets.layer(48, 32))
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.encoder(x[:, 0]), self.encoder(x[:, 1])
        return self.head(torch.cat([left, right], 1))


@case(HEALTHY)
def norm_shared_by_equal_inputs() -> Trained:
    """Two views of one image with noise of their own: both calls see the same statistics."""

    def twice(images: Tensor) -> Tensor:
        noise = torch.randn(len(images), 2, 64, generator=torch.Generator().manual_seed(5))
        return images.flatten(1)[:, None] + 0.2 * noise

    loader = data.training(64, twice)
    return Trained(fit(Pairs(), loader, 10), data.evaluation(twice), loader)


class Autoencoder(nn.Module):
    """Variational; a sample of the code in training, its mean in eval mode."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nets.layer(64, 64)
        self.mean, self.spread = nn.Linear(64, 12), nn.Linear(64, 12)
        self.decoder = nn.Sequential(nets.layer(12, 64, norm=None), nn.Linear(64, 64))

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.encoder(x)
        code, spread = self.mean(features), self.spread(features)
        drawn = code + torch.randn_like(code) * (0.5 * spread).exp() if self.training else code
        return {"image": self.decoder(drawn), "code": code, "spread": spread}


@case(HEALTHY)
def variational_autoencoder() -> Trained:
    def loss(found: dict[str, Tensor], targets: Tensor) -> Tensor:
        spread = found["spread"]
        away = (found["code"].square() + spread.exp() - 1 - spread).mean()
        return F.mse_loss(found["image"], targets) + 0.003 * away

    images, _, held, _ = (part.flatten(1) if part.ndim == 4 else part for part in data.digits())
    loader = data.batches(images, images, 64, shuffle=True)
    model = fit(Autoencoder(), loader, 10, rate=0.003, loss=loss)
    return Trained(model, data.batches(held, held, 100, shuffle=False), loader)
