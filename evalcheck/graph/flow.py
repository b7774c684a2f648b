"""Where the noise of a dropout reaches a batch norm: the nearest dropout upstream of each norm.

Dropout keeps the mean of a value and raises its variance in train mode; a batch norm stores that
variance and divides by it in eval mode, where it is smaller (Li et al., arXiv 1801.05134). What
lies between is followed as long as it passes noise on: weighted layers, elementwise functions,
sums, concatenations, reshapes and pooling. Another normalisation in between ends the path.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.operations import Modules
from evalcheck.graph.traces import Trace

_WEIGHTED = re.compile(r"(lazy)?(conv(transpose)?[123]d|linear|identity|quantizablelinear)\w*")
_RESHAPING = re.compile(
    r"(view|viewas|reshape|reshapeas|flatten|unflatten|permute|transpose|swapaxes|swapdims|movedim|moveaxis|"
    r"squeeze|unsqueeze|expand|expandas|contiguous|clone|detach|to|type|typeas|float|double|half|bfloat16|"
    r"getitem|setitem|chunk|split|unbind|narrow|select|indexselect|gather|roll|flip|t|repeat|tile|"
    r"pad|constantpad(nd)?|zeropad\dd|reflectionpad\dd|replicationpad\dd|unfold|fold|mt|data|real|setattr|"
    r"pixelshuffle|pixelunshuffle|channelshuffle|interpolate|upsample\w*|after)"
)
_ELEMENTWISE = re.compile(
    r"(relu6?|leakyrelu|prelu|rrelu|elu|selu|celu|gelu|silu|mish|hardswish|hardtanh|hardsigmoid|sigmoid|"
    r"logsigmoid|tanh|tanhshrink|softplus|softsign|softshrink|hardshrink|threshold|clamp|clip|abs|neg|pow|square|"
    r"exp|log1p|sqrt|glu|[ir]?mul|multiply|[ir]?(true)?div|divide|maskedfill|where|alphadropout|"
    r"featurealphadropout|featuredropout|dropout\w*)"
)
_MERGING = re.compile(
    r"([ir]?add|[ir]?sub|subtract|addcmul|addcdiv|cat|concat|concatenate|stack|[hvd]stack|sum|lerp)"
)
_POOLING = re.compile(r"(adaptive)?(max|avg|lp)pool\w*|mean|sum|amax|max|maximum|minimum")

# These are read through their first argument alone: noise in a weight is another matter.
_FIRST_ONLY = re.compile(r"(conv|linear|batchnorm|prelu)\w*")


@dataclass(frozen=True, slots=True)
class DropoutPath:
    """From a dropout to a batch norm: both ends, and everything between in the order of the flow.

    ``p`` is the dropout's rate; ``merges`` counts sums, concatenations and poolings on the way,
    each of which mixes the noise with something else and weakens it.
    """

    dropout: fx.Node
    norm: fx.Node
    steps: tuple[fx.Node, ...]
    p: float
    merges: int

    @property
    def norm_path(self) -> str:
        """The qualified name of the batch norm."""
        return str(self.norm.meta.get("norm", self.norm.meta["module"]))


def dropout_paths(trace: Trace, modules: Modules) -> tuple[DropoutPath, ...]:
    """The nearest active dropout upstream of each batch norm that normalises by the batch."""
    found: dict[str, DropoutPath] = {}
    for node in trace.graph.nodes:
        if operations.normalises(node, modules):
            path = _nearest(node, modules)
            known = found.get(path.norm_path) if path is not None else None
            if path is not None and (known is None or len(path.steps) < len(known.steps)):
                found[path.norm_path] = path
    return tuple(found.values())


def _nearest(norm: fx.Node, modules: Modules) -> DropoutPath | None:
    waiting: deque[tuple[fx.Node, tuple[fx.Node, ...]]] = deque()
    waiting.extend((source, (source,)) for source in _sources(norm, "batchnorm"))
    seen: set[fx.Node] = set()
    while waiting:
        node, trail = waiting.popleft()
        if node in seen:
            continue
        seen.add(node)
        drop = operations.dropout(node, modules)
        if drop is not None and drop.active:
            steps = tuple(reversed(trail[:-1]))
            return DropoutPath(node, norm, steps, drop.p, sum(_mixes(s, modules) for s in steps))
        if (operation := _passes(node, modules)) is not None:
            waiting.extend((source, (*trail, source)) for source in _sources(node, operation))
    return None


def _passes(node: fx.Node, modules: Modules) -> str | None:
    """The operation's name if noise goes through it."""
    operation = operations.name(node, modules)
    if operation.startswith("batchnorm"):
        # A frozen norm divides by the same numbers in both modes: a weighted layer, no more.
        return operation if operations.normalises(node, modules) is False else None
    owner = modules.get(node.meta.get("module", ""))
    if node.op != "call_module" and owner is not None and owner.kind in ("othernorm", "instancenorm"):
        return None
    known = (_WEIGHTED, _RESHAPING, _ELEMENTWISE, _MERGING, _POOLING)
    return operation if any(pattern.fullmatch(operation) for pattern in known) else None


def _mixes(node: fx.Node, modules: Modules) -> bool:
    """Whether something else is mixed in: other values of the same tensor, or another tensor."""
    operation = operations.name(node, modules)
    if _MERGING.fullmatch(operation):
        return sum(source.op != "get_attr" for source in node.all_input_nodes) > 1
    return bool(_POOLING.fullmatch(operation))


def _sources(node: fx.Node, operation: str) -> Iterator[fx.Node]:
    inputs = node.all_input_nodes
    if _FIRST_ONLY.match(operation):
        inputs = [node.args[0]] if node.args and isinstance(node.args[0], fx.Node) else inputs[:1]
    yield from (source for source in inputs if source.op != "get_attr")
