"""Where the noise of dropout reaches a batch norm: for each norm the way on which most of it arrives.

Dropout keeps the mean of a value and raises its variance in train mode; a batch norm stores that
variance and divides by it in eval mode, where it is smaller (Li et al., arXiv 1801.05134). What
lies between is followed as long as it passes noise on: weighted layers, elementwise functions,
sums, concatenations, products of activations, reshapes and pooling. Another normalisation in between
ends the path.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from math import prod

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.flows import passing
from evalcheck.graph.operations import Modules
from evalcheck.graph.traces import Trace


@dataclass(frozen=True, slots=True)
class Noise:
    """How much more values vary in train mode than in eval mode, as variance ratios for inputs of mean zero.

    ``peak`` is that of the noisiest channels, ``mean`` that of all.
    """

    peak: float = 1.0
    mean: float = 1.0


NONE = Noise()


@dataclass(frozen=True, slots=True)
class DropoutPath:
    """From a dropout to a batch norm: both ends, and everything between in the order of the flow.

    ``p`` is the dropout's rate, ``ratio`` the predicted variance at the norm's input, train over eval;
    ``merges`` counts sums, concatenations, products and poolings on the way, each of which mixes the
    noise with something else and weakens it by an amount that only a measurement can tell.
    """

    dropout: fx.Node
    norm: fx.Node
    steps: tuple[fx.Node, ...]
    p: float
    ratio: float
    merges: int

    @property
    def norm_path(self) -> str:
        """The qualified name of the batch norm."""
        return str(self.norm.meta.get("norm", self.norm.meta["module"]))


def dropout_paths(trace: Trace, modules: Modules, evaluated: Trace | None = None) -> tuple[DropoutPath, ...]:
    """For each batch norm that normalises data by the batch, the way on which most noise arrives.

    A dropout that is active in the forward in eval mode too makes no difference between the modes.
    """
    both = _awake(evaluated, modules) if evaluated is not None else set()
    sources = {node for node in trace.graph.nodes if _is_active(node, modules) and _call(node) not in both}
    noise = spread(trace, modules, sources)
    found: dict[str, DropoutPath] = {}
    for norm in trace.graph.nodes:
        if not operations.normalises(norm, modules):
            continue
        path = _way(norm, noise, modules, sources)
        known = found.get(path.norm_path) if path is not None else None
        if path is not None and (known is None or path.ratio > known.ratio):
            found[path.norm_path] = path
    return tuple(found.values())


def spread(trace: Trace, modules: Modules, sources: Container[fx.Node]) -> Mapping[fx.Node, Noise]:
    """The noise of every node that has any, made by the dropouts among ``sources``.

    Behind a dropout of rate p the ratio is 1 / (1 - p) times what it was (Li et al., arXiv 1801.05134,
    Eq. 8 with c = 0). A sum's is the mean of its terms', if these vary alike; a concatenation keeps the
    noisiest channels apart until a weighted layer mixes them. Nothing is measured here.
    """
    noise: dict[fx.Node, Noise] = {}
    for node in trace.graph.nodes:
        drop = operations.dropout(node, modules)
        operation = None if drop is not None else passing.operation(node, modules)
        if drop is None and operation is None:
            continue
        given = [noise.get(source, NONE) for source in passing.sources(node, operation or "dropout")]
        made = _through(node, operation or "dropout", given)
        # What is dropped from a weight is no noise of the data.
        if drop is not None and node in sources and given:
            factor = ratio(drop.p)
            made = Noise(made.peak * factor, made.mean * factor)
        if made != NONE:
            noise[node] = made
    return noise


def _awake(trace: Trace, modules: Modules) -> set[object]:
    return {_call(node) for node in trace.graph.nodes if _is_active(node, modules)}


def _is_active(node: fx.Node, modules: Modules) -> bool:
    drop = operations.dropout(node, modules)
    return drop is not None and drop.active


def _call(node: fx.Node) -> object:
    return node.meta["module"], node.meta["call"], node.meta["span"]


def ratio(p: float) -> float:
    """Variance in train mode over that in eval mode behind a dropout of rate ``p``, for zero-mean inputs.

    Li et al. (arXiv 1801.05134), Eq. 8 with c = 0: 1 / (1 - p). More where the inputs have one
    sign, as behind ReLU; less once the noise is mixed with values that were not dropped.
    """
    return 1 / (1 - p) if p < 1 else float("inf")


def _through(node: fx.Node, operation: str, given: list[Noise]) -> Noise:
    if not given:
        return NONE
    mean = sum(one.mean for one in given) / len(given)
    if passing.JOINING.fullmatch(operation):
        sizes = [_size(source) for source in passing.sources(node, operation)]
        if all(sizes):
            mean = sum(one.mean * size for one, size in zip(given, sizes, strict=True)) / sum(sizes)
        return Noise(max(one.peak for one in given), mean)
    if passing.WEIGHTED.fullmatch(operation):
        return Noise(mean, mean)
    if passing.MERGING.fullmatch(operation):
        return Noise(sum(one.peak for one in given) / len(given), mean)
    return max(given, key=lambda one: one.peak)


def _size(node: fx.Node) -> int:
    """The number of values, 0 where shapes are unknown."""
    shape = node.meta.get("shape")
    return prod(shape) if isinstance(shape, tuple) and all(isinstance(n, int) for n in shape) else 0


def _way(
    norm: fx.Node, noise: Mapping[fx.Node, Noise], modules: Modules, sources: Container[fx.Node]
) -> DropoutPath | None:
    """Back from a norm along the noisiest inputs, to the first dropout that makes a difference."""
    start = _noisiest(norm, "batchnorm", noise)
    if start is None:
        return None
    steps: list[fx.Node] = []
    node: fx.Node | None = start
    while node is not None:
        drop = operations.dropout(node, modules)
        if drop is not None and node in sources:
            steps.reverse()
            merges = sum(passing.mixes(step, modules) for step in steps)
            return DropoutPath(node, norm, tuple(steps), drop.p, noise[start].peak, merges)
        steps.append(node)
        node = _noisiest(node, operations.name(node, modules), noise)
    return None


def _noisiest(node: fx.Node, operation: str, noise: Mapping[fx.Node, Noise]) -> fx.Node | None:
    noisy = [source for source in passing.sources(node, operation) if source in noise]
    return max(noisy, key=lambda source: noise[source].peak, default=None)
