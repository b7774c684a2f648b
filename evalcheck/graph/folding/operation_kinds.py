"""Operations that a drawing leaves out, and those that draw random numbers."""

from __future__ import annotations

import re

from torch import fx

_PLUMBING = re.compile(
    r"(view|viewas|reshape|reshapeas|flatten|unflatten|permute|transpose|swapaxes|swapdims|movedim|moveaxis|"
    r"squeeze|unsqueeze|expand|expandas|broadcastto|contiguous|clone|detach|to|type|typeas|float|double|half|"
    r"bfloat16|long|int|bool|cpu|cuda|getitem|setitem|chunk|split\w*|tensorsplit|unbind|narrow|select|t|mt|"
    r"after|size|dim|numel|arange|linspace|zeros|ones|full|empty|zeroslike|oneslike|fulllike|emptylike|newzeros|"
    r"newones|newfull|newempty|tensor|astensor|fill|zero|copy|lt|gt|le|ge|eq|ne|and|or|xor|not|invert|isin|all|"
    r"any|item|meshgrid|isfinite|isnan|isinf|logicaland|logicalor|logicalnot|tril|triu|rollaxis|requiresgrad|"
    r"broadcasttensors|asstrided|data|shape|T|mH|H|grad|device|dtype|diagonal|viewascomplex|viewasreal|set)"
)
_RANDOM = re.compile(
    r"(rand|randn|randint|randperm|randlike|randnlike|randintlike|bernoulli|normal|uniform|exponential|"
    r"multinomial|poisson|cauchy|geometric|lognormal|random|gumbelsoftmax|\w*dropout\d?d?)"
)
_STEADY = re.compile(
    r"(linear|conv\w*|matmul|bmm|mm|einsum|add|sub|mul|div|truediv|relu|gelu|\w*norm|softmax|cat|stack)"
)


def label(node: fx.Node) -> str:
    """The operation as a reader would call it: ``add`` for ``x + y``, ``x.add_(y)`` and ``torch.add``."""
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", "function")
    name = str(name).strip("_")
    return re.sub(r"^[ir](?=(add|sub|mul|truediv|floordiv|pow|matmul)$)", "", name)


def is_plumbing(node: fx.Node) -> bool:
    """Whether the operation only moves, shapes, casts or compares, so that a reader can do without."""
    return _PLUMBING.fullmatch(_plain(node)) is not None


def is_silent(node: fx.Node) -> bool:
    """Whether the operation leaves every value as it is: the recorder's notes, autograd's flags, layout."""
    name = _plain(node)
    return name in ("after", "requiresgrad", "contiguous") or (
        name == "setattribute" and "requires_grad" in node.args
    )


def draws(node: fx.Node) -> bool:
    """Whether the operation draws random numbers: by what the recorder noted, else by its name."""
    noted = node.meta.get("rng")
    if noted is None:
        return _RANDOM.fullmatch(_plain(node)) is not None
    # What a scripted part drew is noted at the operation after it.
    return bool(noted) and _STEADY.fullmatch(_plain(node)) is None and not is_plumbing(node)


def counting(graph: fx.Graph) -> set[fx.Node]:
    """Nodes that only move the counters of batch norms."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        given = node.all_input_nodes
        if node.op == "get_attr" or not given:
            continue
        if all(n in found or str(n.target).endswith("num_batches_tracked") for n in given):
            found.add(node)
    return found


def fed(graph: fx.Graph) -> set[fx.Node]:
    """Nodes whose value depends on what the model was given, not on its weights alone."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        if node.op == "placeholder" or any(given in found for given in node.all_input_nodes):
            found.add(node)
    return found


def idle(graph: fx.Graph) -> set[fx.Node]:
    """Nodes of which nothing comes out of the model: asserts, logging, what is kept aside."""
    used: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if node.op == "output" or any(user in used for user in node.users):
            used.add(node)
    return set(graph.nodes) - used


def _plain(node: fx.Node) -> str:
    return label(node).replace("_", "")
