"""What spectral norms do to the eval output: as they are, and once their power iteration has converged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.spectral_norm import SpectralNorm

# One iteration shrinks what is wrong by the ratio of the second singular value to the first, squared.
STEPS = 100


def sigmas(model: nn.Module) -> dict[str, float]:
    """The largest singular value of the weight that eval mode uses, by module; 1 is right (Miyato et al.,
    arXiv 1802.05957, Eq. 8). Use it in eval mode."""
    found = {}
    for path, module, hook, parametrised in _of(model):
        if parametrised:
            flat = hook._reshape_weight_to_matrix(module.weight)
        else:
            flat = hook.reshape_weight_to_matrix(hook.compute_weight(module, do_power_iteration=False))
        found[path] = float(torch.linalg.matrix_norm(flat.detach().double().cpu(), 2))
    return found


def converge(model: nn.Module) -> None:
    """Iterate the stored vectors until they fit their weights; writes buffers: use it under the guard."""
    for _, module, hook, parametrised in _of(model):
        if parametrised:
            weight: Tensor = module.parametrizations.weight.original  # type: ignore[assignment,union-attr]
            hook._power_method(hook._reshape_weight_to_matrix(weight), STEPS)
        else:
            kept, hook.n_power_iterations = hook.n_power_iterations, STEPS
            try:
                hook.compute_weight(module, do_power_iteration=True)
            finally:
                hook.n_power_iterations = kept


def _of(model: nn.Module) -> list[tuple[str, nn.Module, Any, bool]]:
    """Path, module, what holds the vectors, and whether that is a parametrisation of ``weight``."""
    found: list[tuple[str, nn.Module, Any, bool]] = []
    for path, module in model.named_modules():
        hooks = [hook for hook in module._forward_pre_hooks.values() if isinstance(hook, SpectralNorm)]
        found += [(path, module, hook, False) for hook in hooks if hook.name == "weight"]
        listed: Any = getattr(module, "parametrizations", None)
        if (
            listed is not None
            and "weight" in listed
            and type(listed["weight"][0]).__name__ == "_SpectralNorm"
        ):
            found.append((path, module, listed["weight"][0], True))
    return found


def mode(model: nn.Module, evaluating: Callable[[nn.Module], None]) -> Callable[[nn.Module], None]:
    """Eval mode with vectors that fit."""

    def converged(given: nn.Module) -> None:
        evaluating(given)
        with torch.no_grad():
            converge(model)

    return converged
