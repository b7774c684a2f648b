"""One module of the model and the facts of its state that rules ask for."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from evalcheck.graph.kinds import Kind, kind_of


@dataclass(frozen=True, slots=True)
class ModuleView:
    """A module under its first name in ``named_modules()``; the root's path is ``""``.

    ``training`` is its mode when the view was made, which is before anything is run.
    """

    path: str
    module: nn.Module
    training: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "training", bool(self.module.training))

    @property
    def class_name(self) -> str:
        return type(self.module).__name__

    @property
    def kind(self) -> Kind:
        return kind_of(self.module)

    @property
    def p(self) -> float | None:
        """A dropout's rate; None for anything else."""
        rate = getattr(self.module, "p", None) if self.kind == "dropout" else None
        return float(rate) if isinstance(rate, (int, float)) else None

    @property
    def tracks(self) -> bool:
        """Whether the norm is set to update running statistics in train mode."""
        return bool(getattr(self.module, "track_running_stats", False))

    @property
    def statistics(self) -> tuple[Tensor, Tensor] | None:
        """Running mean and variance, each of shape (channels,); None where there are none."""
        mean = getattr(self.module, "running_mean", None)
        variance = getattr(self.module, "running_var", None)
        if not isinstance(mean, Tensor) or not isinstance(variance, Tensor):
            return None
        if mean.is_meta or isinstance(mean, UninitializedBuffer) or not mean.numel():
            return None
        return mean, variance

    @property
    def batches(self) -> int | None:
        """How many calls in train mode the norm has counted; None without a counter."""
        counter = getattr(self.module, "num_batches_tracked", None)
        return int(counter) if isinstance(counter, Tensor) and not counter.is_meta else None

    @property
    def momentum(self) -> float | None:
        """Weight of the new batch in the running statistics; None for a cumulative average."""
        value = getattr(self.module, "momentum", None)
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def statistics_at_start(self) -> bool | None:
        """Whether the running statistics are exactly mean 0, variance 1; None without any."""
        if (statistics := self.statistics) is None:
            return None
        mean, variance = statistics
        return bool((mean == 0).all()) and bool((variance == 1).all())

    @property
    def half_at_start(self) -> str | None:
        """The buffer that is as it was built where the other has moved; None where data may have done it.

        A layer of which every input is 0 keeps its mean 0 too, while its variances shrink all alike.
        """
        if (statistics := self.statistics) is None or statistics[0].numel() < 2:
            return None
        mean, variance = statistics
        if bool((mean == 0).all()) and bool((variance != variance[0]).any()):
            return "running_mean"
        return "running_var" if bool((variance == 1).all()) and bool((mean != 0).any()) else None

    @property
    def start_weight(self) -> float | None:
        """Weight of the initial mean 0 and variance 1 in the running statistics: (1 - m)^n after n batches.

        None where it is none, or cannot be known: a cumulative average, no momentum, no batch yet, a
        lost counter. A running variance is this weight times 1 plus a positive rest; one that is
        smaller proves that the counter was restarted on statistics that were there before.
        """
        statistics, batches, momentum = self.statistics, self.batches, self.momentum
        if statistics is None or not batches or not momentum or self.statistics_at_start:
            return None
        weight = (1 - momentum) ** batches
        return weight if float(statistics[1].min()) >= weight * (1 - 1e-3) else None

    @property
    def affine_at_start(self) -> bool | None:
        """Whether scale and shift look as they were built; None where the norm has neither.

        The shift tells where there is one: every initialisation in use leaves it constant, while
        one optimiser step spreads it. The scale alone would not do: it is drawn at random in
        DCGAN's initialisation, and constant 0 (not 1) in zero-initialised residual branches.
        """
        if self.kind not in ("batchnorm", "instancenorm", "othernorm"):
            return None
        for name in ("bias", "weight"):
            value = getattr(self.module, name, None)
            if isinstance(value, UninitializedParameter):
                return True
            if isinstance(value, Tensor) and not value.is_meta and value.numel():
                return _constant(value.detach())
        return None


def _constant(value: Tensor) -> bool:
    first = value.flatten()[0]
    if value.numel() == 1:
        return float(first) in (0.0, 1.0)
    return bool((value == first).all())
