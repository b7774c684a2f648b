"""Operations that hand the noise of their inputs on, and those that mix it with other values."""

from __future__ import annotations

import re
from collections.abc import Iterator

from torch import fx

from evalcheck.graph import operations
from evalcheck.graph.operations import Modules

WEIGHTED = re.compile(r"(lazy)?(conv(transpose)?[123]d|linear|identity|quantizablelinear)\w*")
_RESHAPING = re.compile(
    r"(view|viewas|reshape|reshapeas|flatten|unflatten|permute|transpose|swapaxes|swapdims|movedim|moveaxis|"
    r"squeeze|unsqueeze|expand|expandas|contiguous|clone|detach|to|type|typeas|float|double|half|bfloat16|"
    r"getitem|setitem|copy|chunk|split|unbind|narrow|select|indexselect|gather|roll|flip|t|repeat|tile|"
    r"pad|constantpad(nd)?|zeropad\dd|reflectionpad\dd|replicationpad\dd|unfold|fold|mt|data|real|setattr|"
    r"pixelshuffle|pixelunshuffle|channelshuffle|interpolate|upsample\w*|after)"
)
_ELEMENTWISE = re.compile(
    r"(relu6?|leakyrelu|prelu|rrelu|elu|selu|celu|gelu|silu|mish|hardswish|hardtanh|hardsigmoid|sigmoid|"
    r"logsigmoid|tanh|tanhshrink|softplus|softsign|softshrink|hardshrink|threshold|clamp|clip|abs|neg|pow|square|"
    r"exp|log1p|sqrt|glu|[ir]?mul|multiply|[ir]?(true)?div|divide|maskedfill|where|alphadropout|"
    r"featurealphadropout|featuredropout|dropout\w*)"
)
MERGING = re.compile(
    r"([ir]?add|[ir]?sub|subtract|addcmul|addcdiv|cat|concat|concatenate|stack|[hvd]stack|sum|lerp)"
)
JOINING = re.compile(r"cat|concat|concatenate|[hvd]?stack")
_PRODUCTS = re.compile(r"r?matmul|bmm|mm|einsum|baddbmm|scaleddotproductattention")
_ATTENTION = "scaleddotproductattention"
_POOLING = re.compile(r"(adaptive)?(max|avg|lp)pool\w*|mean|sum|amax|max|maximum|minimum")

# These are read through their first argument alone: noise in a weight is another matter, and what only
# lends its shape, type or index hands nothing on.
_FIRST_ONLY = re.compile(
    r"(lazy)?(conv|linear|batchnorm|prelu)\w*|(view|reshape|expand|type)as|to|getitem|gather|indexselect|maskedfill"
)


def operation(node: fx.Node, modules: Modules) -> str | None:
    """The operation's name if noise goes through it."""
    called = operations.name(node, modules)
    if called.startswith("batchnorm"):
        # A frozen norm divides by the same numbers in both modes: a weighted layer, no more.
        return called if operations.normalises(node, modules) is False else None
    owner = modules.get(node.meta.get("module", ""))
    if node.op != "call_module" and owner is not None and owner.kind in ("othernorm", "instancenorm"):
        return None
    known = (WEIGHTED, _RESHAPING, _ELEMENTWISE, MERGING, _PRODUCTS, _POOLING)
    return called if any(pattern.fullmatch(called) for pattern in known) else None


def mixes(node: fx.Node, modules: Modules) -> bool:
    """Whether something else is mixed in: other values of the same tensor, or another tensor."""
    called = operations.name(node, modules)
    if called == _ATTENTION:
        return True
    if MERGING.fullmatch(called) or _PRODUCTS.fullmatch(called):
        return sum(source.op != "get_attr" for source in node.all_input_nodes) > 1
    return bool(_POOLING.fullmatch(called))


def sources(node: fx.Node, called: str) -> Iterator[fx.Node]:
    """The nodes whose noise the operation of that name hands on: activations, not weights."""
    inputs = node.all_input_nodes
    if called == _ATTENTION:
        # Queries and keys go through a softmax.
        value = operations.argument(node, 2, ("value",), None)
        inputs = [value] if isinstance(value, fx.Node) else []
    if _FIRST_ONLY.fullmatch(called):
        inputs = [node.args[0]] if node.args and isinstance(node.args[0], fx.Node) else inputs[:1]
    yield from (source for source in inputs if source.op != "get_attr")
