"""What modules of the user's own, which ask for the mode, do to the mean of train mode."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.probe.chain.steps import Step
from evalcheck.probe.passes import Passes


@dataclass
class Custom:
    """Modules that read ``self.training`` and are none of torch's."""

    passes: Passes

    @property
    def step(self) -> Step | None:
        """From train mode without its noise to the same with these modules in train mode."""
        return None

    @property
    def culprits(self) -> tuple[str, ...]:
        """The modules that shift the mean, the largest shift first."""
        return ()
