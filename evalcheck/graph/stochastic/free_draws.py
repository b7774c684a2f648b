"""Random numbers of a forward that no dropout drew: which operation, and what became of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from torch import fx

from evalcheck.graph import operations, uses
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.stochastic import draws, wording
from evalcheck.graph.stochastic.wording import Wording
from evalcheck.graph.traces import Trace

# ``mask``: values are dropped by it. ``choice``: the Gumbel softmax. ``noise``: added to or multiplied with
# values. ``layer``: a function that draws by itself. ``branch``: Python decides by it which way to go.
# ``other``: an index, a projection, anything else.
Kind = Literal["mask", "choice", "noise", "layer", "branch", "other"]

_RANDOM = re.compile(
    r"(rand|randn|randint|randperm|randlike|randnlike|randintlike|bernoulli|normal|uniform|exponential|"
    r"multinomial|poisson|cauchy|geometric|lognormal|lognorm|random|gumbelsoftmax|rrelu|standardgamma|"
    r"binomial|truncnormal|fractionalmaxpool\w*|dirichlet|sampledirichlet)"
)
_LAYERS = re.compile(r"rrelu|fractionalmaxpool\w*")
_COMPARING = re.compile(r"lt|gt|le|ge|less\w*|greater\w*|floor|bernoulli|round")
_MASKING = re.compile(r"mul|multiply|maskedfill|where|div|truediv")
_MIXING = re.compile(r"mul|multiply|add|sub|div|truediv|addcmul|lerp")
_DROP = re.compile(r"drop|keep_?(?:prob|rate|ratio|p)|surviv|zoneout|stochastic_depth", re.I)
_SEEDED = frozenset(("manual_seed", "set_rng_state", "seed_everything", "fork_rng"))
_STEPS = 40


def met(graph: ModelGraph) -> Iterator[tuple[fx.Node, Kind]]:
    """Draws of the eval forward from torch's generators that reach the output, and how they are used.

    Draws into a parameter or buffer fill the model's state, and those after a seed of the forward's own
    are the same every time; neither is meant here.
    """
    yield from _branches(graph)
    state = {name for name, _ in [*graph.model.named_parameters(), *graph.model.named_buffers()]}
    for node in draws.awake(graph):
        operation = operations.name(node, graph.modules)
        if not node.meta.get("rng") or not _RANDOM.fullmatch(operation) or _fills(node, state):
            continue
        if not _SEEDED & wording.of(node.meta["span"]).body:
            yield node, kind_of(node, operation)


def _branches(graph: ModelGraph) -> Iterator[tuple[fx.Node, Kind]]:
    """Draws that reach no output but a decision of Python's, in functions that nowhere ask for the mode."""
    trace = uses.in_eval(graph)
    lost = draws.silent(trace) if trace.decisions else set()
    for node in trace.graph.nodes:
        if node not in lost or not node.meta.get("rng") or draws.in_training(trace, node):
            continue
        if not _RANDOM.fullmatch(operations.name(node, graph.modules)):
            continue
        said = wording.of(node.meta["span"])
        if not _is_decided(trace, node, said) or _SEEDED & said.body:
            continue
        if said.body and not any("train" in name or "eval" in name for name in said.body):
            yield node, "branch"


def kind_of(node: fx.Node, operation: str) -> Kind:
    """How the drawn values are used, as far as the operations behind them tell."""
    if operation == "gumbelsoftmax":
        return "choice"
    if _LAYERS.fullmatch(operation):
        return "layer"
    waiting = [(node, bool(_COMPARING.fullmatch(operation)))]
    drawn, mixed = {node}, False
    for here, compared in waiting:
        for user in here.users:
            used = operations.unprefixed(user) if user.op == "call_function" else ""
            beside = any(given not in drawn for given in user.all_input_nodes)
            if compared and beside and _MASKING.fullmatch(used):
                return "mask"
            mixed = mixed or (beside and not compared and bool(_MIXING.fullmatch(used)))
            rounded = bool(_COMPARING.fullmatch(used))
            # Mixed with something else it is a value like any other.
            if user not in drawn and (rounded or not beside) and len(waiting) < _STEPS:
                drawn.add(user)
                waiting.append((user, compared or rounded))
    return "noise" if mixed else "other"


def _is_decided(trace: Trace, node: fx.Node, said: Wording) -> bool:
    """Whether a value left the graph where the draw, or what is made of it, is asked for."""
    spans = [n.meta["span"] for n in (node, *node.users, *(m for n in node.users for m in n.users))]
    if any(span and one.touches(span) for span in spans for one in trace.decisions):
        return True
    path = node.meta["span"].path if node.meta["span"] else None
    return any(one.path == path and one.line in said.tests for one in trace.decisions)


def by_a_dropout_rate(node: fx.Node) -> bool:
    """Whether the words around a mask or branch speak of dropping: then no sampler's name explains it."""
    return any(map(_DROP.search, wording.of(node.meta["span"]).names))


def _fills(node: fx.Node, state: set[str]) -> bool:
    """Whether the draw is written into a parameter or buffer, by itself or after other writes."""
    while node.op == "call_function" and getattr(node.target, "__name__", "").endswith("_"):
        if not node.args or not isinstance(node.args[0], fx.Node):
            return False
        node = node.args[0]
    return node.op == "get_attr" and str(node.target) in state
