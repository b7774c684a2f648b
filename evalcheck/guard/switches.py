"""torch's global switches that a forward can flip and that change what later code computes."""

from __future__ import annotations

from functools import partial

import torch

from evalcheck.guard.undo import Undo


def capture() -> list[Undo]:
    """Note them; calling what is returned puts them back."""
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    return [
        partial(torch.set_grad_enabled, torch.is_grad_enabled()),
        partial(torch.backends.mha.set_fastpath_enabled, torch.backends.mha.get_fastpath_enabled()),
        partial(_put_back_dtype, torch.get_default_dtype()),
        partial(_put_back_determinism, strict, warn_only),
        partial(setattr, torch.backends.cudnn, "benchmark", torch.backends.cudnn.benchmark),
        partial(setattr, torch.backends.cudnn, "deterministic", torch.backends.cudnn.deterministic),
    ]


def _put_back_dtype(dtype: torch.dtype) -> None:
    if torch.get_default_dtype() != dtype:
        torch.set_default_dtype(dtype)


def _put_back_determinism(strict: bool, warn_only: bool) -> None:
    # Setting it imports torch's compiler, which takes two seconds.
    now = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    if now != (strict, warn_only):
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
