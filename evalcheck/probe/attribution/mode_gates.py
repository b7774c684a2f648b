"""How much of train mode's noise and bias each stochastic module makes: gates between the two modes.

A gated module gives eval(a) + s (train(a) - eval(a)); all gates stand at one point s at a time.

Noise: with one gate for each sample in each call of a module and a random direction u of the model's output,
the square of the integral of d<f, u>/ds over the diagonal is in the mean over u and draws the variance that
this call puts into the sample's output. Calls are drawn independently and add up, and so, by the direction,
do samples. One backward pass serves all modules.

Bias: phi(s) = <f(s), way> / |way|², where ``way`` leads from eval mode to train mode's mean; a module's
part is the integral of its gates' slopes over the diagonal. At s = 0 that slope is zero in the mean for all
noise that has mean zero (the bias is of second order), so two interior Gauss points are taken. The method is
integrated gradients on gates (Sundararajan et al., arXiv 1703.01365, equation 1), or Aumann-Shapley.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from evalcheck.batch import Batch, tree
from evalcheck.probe.attribution.local_gains import woken
from evalcheck.probe.running import outputs

# Gauss-Legendre nodes on [0, 1]; both weigh one half.
TWO_POINTS = (0.2113248654, 0.7886751346)


@dataclass
class Part:
    """One module's parts: ``noise`` in squared output units a sample, ``bias`` as a part of the way."""

    noise: float = 0.0
    bias: float = 0.0


@dataclass
class _Gate:
    """The gates of one module in one forward: for each call a number a sample, (samples,)."""

    point: float
    samples: int
    slopes: list[Tensor] = field(default_factory=list)
    refused: bool = False


def parts(
    model: nn.Module,
    modules: Mapping[str, nn.Module],
    batches: Sequence[Batch],
    way: Tensor,
    leaves: Sequence[str],
    run: Callable[[Batch], object],
) -> dict[str, Part]:
    """Each module's part; empty where the output has lost its leaves on the way.

    ``way`` (N, D) is train mode's mean minus eval mode over the batches' samples in order, on ``leaves``.
    Two forwards and backwards of the batches, a backward more for the bias. Use under the guard, in eval
    mode; raises ``RuntimeError`` where gradients do not flow. A module that cannot run twice is left out.
    """
    model.requires_grad_(False)
    # The fast path of attention in eval mode passes by its children, and with them the gates.
    torch.backends.mha.set_fastpath_enabled(False)
    found = {path: Part() for path in modules}
    count, length = len(way), float(way.double().square().sum()) or 1.0
    start = 0
    for index, batch in enumerate(batches):
        target = way[start : start + batch.size]
        start += batch.size
        slopes: list[_Slopes] = []
        for point in TWO_POINTS:
            # The same numbers are drawn at both points: a row's slopes are of one draw.
            torch.manual_seed(17 + index)
            gates = {path: _Gate(point, batch.size) for path in modules}
            rows = _forward(modules, gates, batch, leaves, run)
            if rows is None:
                return {}
            slopes.append(_slopes(gates, rows, target))
            for path in [path for path, gate in gates.items() if gate.refused]:
                found.pop(path, None)
        for path, part in found.items():
            for one, two in zip(*(at.get(path, []) for at in slopes), strict=True):
                noise, bias = ((a + b) / 2 for a, b in zip(one, two, strict=True))
                part.noise += float(noise.double().square().sum()) / count
                part.bias += float(bias.double().sum()) / length
    return found


_Slopes = dict[str, list[tuple[Tensor, Tensor]]]


def _slopes(gates: Mapping[str, _Gate], rows: Tensor, way: Tensor) -> _Slopes:
    """Of each module's gates, call by call: the slopes along a random direction, and along the way."""
    asked = {path: gate.slopes for path, gate in gates.items() if gate.slopes and not gate.refused}
    flat = [slope for slopes in asked.values() for slope in slopes]
    if not flat:
        return {}
    # Signs vary less than Gaussians do: the estimate of the trace is Hutchinson's (1989).
    signs = torch.randint_like(rows, 0, 2) * 2 - 1
    ends = (rows * signs).sum(), (rows * way).sum()
    noise, bias = (
        torch.autograd.grad(end, flat, retain_graph=True, allow_unused=True, materialize_grads=True)
        for end in ends
    )
    pairs = iter(zip(noise, bias, strict=True))
    return {path: [next(pairs) for _ in slopes] for path, slopes in asked.items()}


def _forward(
    modules: Mapping[str, nn.Module],
    gates: Mapping[str, _Gate],
    batch: Batch,
    leaves: Sequence[str],
    run: Callable[[Batch], object],
) -> Tensor | None:
    hooks = [
        module.register_forward_hook(_blend(gates[path]), with_kwargs=True)
        for path, module in modules.items()
    ]
    try:
        with torch.enable_grad():
            found = outputs.leaves(run(batch), batch.size, attached=True)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs.wide(found, leaves) if all(path in found for path in leaves) else None


def _blend(gate: _Gate) -> Any:
    def hook(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        if module.training or gate.refused:
            return None
        try:
            pairs = _paired(output, woken(module, args, kwargs))
        except Exception:  # a cache that the first run filled, another structure in train mode
            gate.refused = True
            return None

        first = next(iter(pairs.values()))
        switch = torch.full((gate.samples,), gate.point, device=first.device, requires_grad=True)
        gate.slopes.append(switch)

        def mix(here: Tensor) -> Tensor:
            if id(here) not in pairs:
                return here
            return here + _along(switch.to(here.dtype), here) * (pairs[id(here)] - here)

        return tree.map_tensors(mix, output)

    return hook


def _along(switch: Tensor, leaf: Tensor) -> Tensor:
    """The samples' gates where samples lie: in the first dimension, several rows each perhaps, or the second.

    Rows that belong to no sample share the gates out among them: by the direction they add up all the same.
    """
    count, rest = len(switch), [1 for _ in leaf.shape[1:]]
    if leaf.shape[0] % count and leaf.ndim > 1 and leaf.shape[1] == count:
        return switch.view(1, -1, *rest[1:])
    times = -(-leaf.shape[0] // count)
    return switch.repeat_interleave(times)[: leaf.shape[0]].view(-1, *rest)


def _paired(one: Any, two: Any) -> dict[int, Tensor]:
    """Float leaves of an eval output, by ``id``, with those of a train output; raises where they differ."""
    if not isinstance(one, (Tensor, tuple, list)):
        raise TypeError  # An object that is rebuilt as a dict is not what the caller expects.
    here, there = (
        [leaf for _, leaf in tree.leaves(each) if leaf.is_floating_point() and leaf.ndim > 0]
        for each in (one, two)
    )
    if not here or [leaf.shape for leaf in here] != [leaf.shape for leaf in there]:
        raise ValueError
    return {id(a): b for a, b in zip(here, there, strict=True)}
