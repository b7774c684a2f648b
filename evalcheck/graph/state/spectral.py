"""Spectral norms: the largest singular value that the weight has in eval mode, where it should be 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.spectral_norm import SpectralNorm as Hook

from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.module_view import ModuleView

EXACT = 1024
STEPS = 50
# Fewer dimensions, and two random vectors may well point the same way.
TELLING = 16


@dataclass(frozen=True)
class SpectralNorm:
    """A module's weight under ``torch.nn.utils.spectral_norm`` or its successor in ``parametrizations``.

    ``sigma`` is the largest singular value of the weight that eval mode uses, W / (u^T W v) (Miyato et
    al., arXiv 1802.05957, Eq. 8 and Algorithm 1). ``exact`` is False where it is a bound from below.
    ``iterated`` is False where u and v are as if drawn at random: no forward in train mode fitted them to
    this weight; None where the weight is too small to tell.
    ``vectors`` gives the lengths of u and v, which should be 1, by their names among the buffers.
    """

    view: ModuleView
    name: str
    sigma: float
    exact: bool
    iterated: bool | None
    vectors: Mapping[str, float]

    @property
    def built_fitted(self) -> bool:
        """Whether construction iterates the vectors, so that others show a weight that came later."""
        return any(name.endswith("._u") for name in self.vectors)

    @property
    def shown(self) -> str:
        return f"{'' if self.exact else 'at least '}{self.sigma:.3g}"

    @property
    def unit(self) -> bool:
        return all(abs(length - 1) < 0.01 for length in self.vectors.values())


def of(graph: ModelGraph) -> Iterator[SpectralNorm]:
    """Every spectral norm of a model; weights without values (meta, lazy, quantised) are passed by."""
    for path, view in graph.modules.items():
        for hook in view.module._forward_pre_hooks.values():
            if isinstance(hook, Hook):
                parts = [getattr(view.module, f"{hook.name}_{part}", None) for part in ("orig", "u", "v")]
                stem = f"{path}.{hook.name}_" if path else f"{hook.name}_"
                yield from _measured(view, hook.name, parts, hook.reshape_weight_to_matrix, stem)
        if type(view.module).__name__ == "_SpectralNorm":
            yield from _parametrized(graph, path, view.module)


def _parametrized(graph: ModelGraph, path: str, norm: Any) -> Iterator[SpectralNorm]:
    """``layer.parametrizations.weight.0``: the view is the layer's."""
    listed, _, index = path.rpartition(".")
    layer, _, tail = listed.rpartition("parametrizations.")
    layer = layer.rstrip(".")
    if index != "0" or not tail or layer not in graph.modules:
        return  # behind another parametrisation: what it is given is not known
    weight = getattr(graph.modules[listed].module, "original", None)
    parts = [weight, getattr(norm, "_u", None), getattr(norm, "_v", None)]
    yield from _measured(graph.modules[layer], tail, parts, norm._reshape_weight_to_matrix, f"{path}._")


def _measured(
    view: ModuleView, name: str, parts: Sequence[object], flat: Callable[[Tensor], Tensor], stem: str
) -> Iterator[SpectralNorm]:
    """From the weight, u and v, in this order, and the function that makes a matrix of the weight."""
    tensors = [t.detach() for t in parts if isinstance(t, Tensor) and not t.is_meta and t.numel()]
    if len(tensors) != 3 or not all(t.is_floating_point() for t in tensors):
        return
    w, u, v = (t.double().cpu() for t in (flat(tensors[0]), *tensors[1:]))
    estimate = float(u @ (w @ v))
    sigma, exact = _largest(w, u)
    yield SpectralNorm(
        view,
        name,
        sigma / abs(estimate) if estimate else float("inf"),
        exact,
        _aligned(w @ v, u) or _aligned(w.T @ u, v) if max(w.shape) >= TELLING else None,
        {f"{stem}u": float(u.norm()), f"{stem}v": float(v.norm())},
    )


def _largest(w: Tensor, u: Tensor) -> tuple[float, bool]:
    """The largest singular value: by the smaller Gram matrix, or from below by power iteration."""
    if min(w.shape) <= EXACT:
        gram = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
        if not bool(torch.isfinite(gram).all()):
            return float("nan"), True
        return float(torch.linalg.eigvalsh(gram)[-1].clamp_min(0).sqrt()), True
    # Not the stored vector alone: it may stand at right angles to the one that is looked for.
    vector = u / u.norm().clamp_min(1e-12) + torch.linspace(-1, 1, len(u), dtype=w.dtype) / len(u) ** 0.5
    value = 0.0
    for _ in range(STEPS):
        right = w.T @ (vector / vector.norm().clamp_min(1e-300))
        value = float(right.norm())
        vector = w @ right
    return value, False


def _aligned(one: Tensor, two: Tensor) -> bool:
    """Whether two vectors point the same way better than chance would have it.

    The cosine of random vectors of n dimensions is 1 / sqrt(n) in size; one iteration gives nearly 1.
    """
    length = float(one.norm() * two.norm())
    cosine = float(one @ two) / length if length else 1.0
    return len(two) >= TELLING and cosine > max(0.5, 4 / len(two) ** 0.5)
