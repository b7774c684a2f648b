"""What became of one trial of an input."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from evalcheck.inputs.spec import SAMPLES


@dataclass(frozen=True)
class Hit:
    """The first layer that an input reaches, with the shape in which it arrives there."""

    path: str
    module: nn.Module
    shape: tuple[int, ...]


@dataclass
class Outcome:
    """What became of a trial.

    ``error`` is None where it ran to the end. ``able`` is False where the meta device was at fault,
    which has no values to decide by. ``norms`` are the values per channel of each batch norm in a whole
    batch, in order; ``hits`` the first layer of each input, ``rows`` the fewest rows of the embeddings
    that it indexes. ``samples`` is the size of the batch that was tried, ``seconds`` the time that the
    forward took where it was run for real and came to its end.
    """

    error: BaseException | None = None
    samples: int = SAMPLES
    able: bool = True
    seconds: float | None = None
    norms: list[int] = field(default_factory=list)
    hits: dict[str, Hit] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.error is None

    @property
    def fails(self) -> bool:
        """Whether the model itself raised: not for want of time, and not for what came out."""
        return self.error is not None and not isinstance(self.error, (TooSlow, Odd))

    @property
    def reason(self) -> str:
        """The error in one line."""
        if self.error is None:
            return ""
        text = " ".join(str(self.error).split()) or "no reason given"
        return f"{type(self.error).__name__}: {text[:200]}"


class Odd(Exception):
    """The forward ran, but its output has several rows for a sample."""

    def __init__(self, rows: int) -> None:
        super().__init__(f"the output has {rows} rows for 1 samples")


class TooSlow(Exception):
    """The time for the search ran out within a forward."""

    def __init__(self) -> None:
        super().__init__("it takes too long to try inputs on it")
