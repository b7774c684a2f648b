"""Whether noise in evaluation is meant, by what people say around the call that draws it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from torch import fx

from evalcheck import intent
from evalcheck.graph.stochastic import wording
from evalcheck.graph.stochastic.wording import Wording
from evalcheck.graph.traces import Call, Trace

# ``declared``: said in so many words. ``sampling``: the code around is there to draw. ``hinted``: it is
# likelier that the noise is meant. ``untold``: nobody says anything.
Purpose = Literal["declared", "sampling", "hinted", "untold"]


# Names of what is drawn because a model draws it: a latent variable, a sample.
_DRAWN = re.compile(r"sampl|latent|prior|reparam|(?:^|_)eps(?:ilon)?(?:_|$)", re.I)


def of(trace: Trace, node: fx.Node, *, trade: bool = False) -> Purpose:
    """What the words around a node's call say, those of its own line and module before those further out.

    ``trade`` also asks whether the code is there to draw: that explains random numbers, but no dropout.
    """
    calls = outward(trace, node)
    near = [name for call in calls[:1] for name in (call.class_name, *call.path.split("."))]
    found = of_words(wording.of(node.meta["span"]), near, trade=trade)
    # A generator's or a sampler's part may draw because the whole is there to draw.
    outer = trade and any(intent.SAMPLERS.search(call.class_name) for call in calls[1:])
    return "hinted" if found == "untold" and outer else found


def of_words(said: Wording, near: Iterable[str], *, trade: bool = False) -> Purpose:
    """The same of the words alone; ``near`` are further names: of the module that runs, and of its path."""
    around = [*said.scopes, *said.places, *near]
    names = [*around, *said.beside]
    if any(map(intent.declared_by_name, names)) or any(map(intent.declares, said.sentences)):
        return "declared"
    if any("loss" in name.lower() or "criterion" in name.lower() for name in names):
        return "declared"
    if trade and (any(map(intent.SAMPLERS.search, around)) or any(map(_DRAWN.search, said.beside))):
        return "sampling"
    first = [text.strip().split("\n")[0] for text in said.docstrings]
    if any(intent.HINTS.search(text) for text in (*around, *first)) or any(map(intent.hints, said.comments)):
        return "hinted"
    return "untold"


def outward(trace: Trace, node: fx.Node) -> list[Call]:
    """The calls of modules around a node, the innermost first."""
    if not trace.sequence:
        return []
    calls = [trace.sequence[node.meta["at"]]]
    while calls[-1].outer is not None:
        calls.append(trace.sequence[calls[-1].outer])
    return calls
