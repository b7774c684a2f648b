"""What one forward leaves behind in the model, and what that does to the next."""

from __future__ import annotations

from dataclasses import dataclass

from evalcheck.probe.passes import Passes


@dataclass
class State:
    """One batch run once and again: buffers, modes, attributes and generators before and after."""

    passes: Passes
