"""What the probe says of batch size and learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from evalcheck.batch import Batch
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.guard import untouched
from evalcheck.measurement import GradientNoise
from evalcheck.probe.judging import scoring
from evalcheck.probe.passes import Passes
from evalcheck.probe.pool import OutOfMemory, Pool
from evalcheck.probe.running import modes
from evalcheck.probe.scaling import gradient_noise, metric_curve
from evalcheck.probe.scaling.collected import Collected
from evalcheck.probe.scaling.metric_curve import Curve

# A pass of the metric's own, because it wants outputs as the model gave them; and gradients, which cost
# two forwards more.
SAMPLES, WITH_GRADIENTS = 256, 128
GROUPS = 16
# Numbers of the groups' gradients that are kept at once: of larger models a random choice of each tensor.
KEPT = 64_000_000


@dataclass
class Scaling:
    """One model's metric over batch sizes, and its gradients' noise on the ``feed``."""

    passes: Passes
    feed: Pool

    @cached_property
    def curve(self) -> Curve | None:
        """The user's metric over batch sizes in eval mode; None without a metric or without targets."""
        metric, pool = self.passes.run.metric, self.passes.held.first(SAMPLES)
        if metric is None or any(batch.targets is None for batch in pool.batches):
            return None
        if pool.whole is None:
            raise Unanswerable("the batches differ in shape, so that samples cannot be put together")
        with untouched(self.passes.model, parameters=False), torch.no_grad():
            modes.evaluating(self.passes.model)
            run = self.passes.run.forward
            parts = [(run(batch), batch.targets, batch.size) for batch in pool.grouped()]
        return metric_curve.curve(Collected.of(parts), metric, self._usual)

    @property
    def _usual(self) -> int:
        """The evaluation loader's own batch size: the pool's may be the training loader's."""
        held = self.passes.held
        sizes = [batch.size for batch in held.batches]
        return max(set(sizes), key=sizes.count) if len(sizes) > 1 else held.batch_size

    @cached_property
    def noise(self) -> GradientNoise:
        """The gradient noise scale on up to 128 training samples, in eval mode: the cost of 384 forwards.

        Norms use their running statistics and dropout is off: the noise is that of the samples alone.
        """
        pool = self.feed.first(WITH_GRADIENTS)
        if pool.whole is None or any(batch.targets is None for batch in pool.batches):
            raise Unanswerable("it takes targets, and batches that can be put together")
        size = max(1, pool.samples // GROUPS)
        groups = min(GROUPS, pool.samples // size)
        order = torch.randperm(pool.samples, generator=torch.Generator().manual_seed(7))
        batches = [pool.whole.rows(rows) for rows in torch.split(order, size)[:groups]]
        with untouched(self.passes.model):
            modes.evaluating(self.passes.model)
            gram = gradient_noise.gram_of(groups, lambda group: self._gradient(batches[group]))
        return gradient_noise.noise_scale(gram, size)

    @property
    def known_noise(self) -> GradientNoise | None:
        """The same where somebody asked for it; nothing is run."""
        return self.__dict__.get("noise")

    def _gradient(self, batch: Batch) -> list[Tensor]:
        """The mean loss's gradient, tensor by tensor, thinned to what is kept."""
        weights = [weight for weight in self.passes.model.parameters() if weight.requires_grad]
        if not weights:
            raise Unanswerable("no parameter of the model is trained")
        try:
            with torch.enable_grad():
                output = self.passes.run.forward(batch)
                loss = _loss(output, batch)
                found = torch.autograd.grad(loss, weights, allow_unused=True)
        except torch.OutOfMemoryError:
            raise OutOfMemory from None
        except (RuntimeError, Complaint) as error:
            if isinstance(error, OutOfMemory):
                raise
            raise Unanswerable("gradients do not flow through the model in eval mode") from None
        share = min(1.0, KEPT / GROUPS / sum(weight.numel() for weight in weights))
        pairs = zip(weights, found, strict=True)
        return [_thinned(torch.zeros_like(w) if g is None else g, share) for w, g in pairs]


def _loss(output: object, batch: Batch) -> Tensor:
    scores = scoring.settled(scoring.score(output, batch.targets, batch.size), batch.size)
    for name in ("loss", "squared error"):
        if name in scores:
            return scores[name].mean()
    raise Unanswerable("the targets could not be held against the output, so there is no loss")


def _thinned(gradient: Tensor, share: float) -> Tensor:
    """A random choice, the same for every group, scaled so that inner products keep their expectation."""
    flat = gradient.detach().flatten()
    count = max(1, round(share * len(flat)))
    if share >= 1:
        return flat
    choice = torch.randint(len(flat), (count,), generator=torch.Generator().manual_seed(len(flat)))
    return flat[choice.to(flat.device)].mul(float((len(flat) / count) ** 0.5))
