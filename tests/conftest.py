"""Tests run side by side: each worker keeps to one core, or torch's threads fight for them."""

from __future__ import annotations

import os

for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")


def pytest_configure() -> None:
    """Before any test imports a model. A busy machine is no failure of a property."""
    import hypothesis
    import torch

    hypothesis.settings.register_profile("patient", deadline=None)
    hypothesis.settings.load_profile("patient")

    torch.set_num_threads(1)
