"""Settings of torch under which operations ran, and which a graph of them does not hold."""

from __future__ import annotations

import torch


class Contexts:
    """Notes the first setting that differs from the one at the beginning."""

    def __init__(self) -> None:
        self.met: str | None = None
        self._autocast, self._dtype = torch.is_autocast_enabled("cpu"), torch.get_default_dtype()
        self._cuda = torch.is_autocast_enabled("cuda")

    def ask(self, name: str) -> None:
        """Called for functions that make no tensor."""
        if name == "backward" and self.met is None:
            self.met = "gradients that it computes itself"

    def look(self) -> None:
        """Called before each operation."""
        if self.met is not None:
            return
        if (
            torch.is_autocast_enabled("cpu") != self._autocast
            or torch.is_autocast_enabled("cuda") != self._cuda
        ):
            self.met = "autocast, switched inside the forward"
        elif torch.get_default_dtype() != self._dtype:
            self.met = "another default dtype, set inside the forward"
