"""The trees of both modes laid over each other, as one picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher

from torch import fx

from evalcheck.graph.folding import call_tree, deeds
from evalcheck.graph.folding.call_tree import CallTree, Knot
from evalcheck.graph.folding.operation_kinds import fed, idle, is_plumbing, is_silent, label
from evalcheck.graph.model_graph import ModelGraph
from evalcheck.graph.traces import Mode
from evalcheck.picture import Box, Edge, Picture, Role, Shape, View

INPUT = 0


@dataclass(eq=False)
class Pair:
    """The same call in both modes, or the call of one mode alone."""

    knots: dict[Mode, Knot]
    children: list[Pair] = field(default_factory=list)
    key: int = -1

    @property
    def knot(self) -> Knot:
        return next(iter(self.knots.values()))


def picture(graph: ModelGraph, view: View, title: str, notes: tuple[str, ...] = ()) -> Picture:
    """The model in one mode, or (``diff``) in both at once. Gaps say which forward stopped, where and why."""
    modes: tuple[Mode, ...] = ("train", "eval") if view == "diff" else (view,)
    traces = {mode: trace for mode in modes if (trace := graph.trace(mode)) is not None}
    trees = {mode: call_tree.read(trace, graph.modules) for mode, trace in traces.items()}
    gaps = _refused({mode: graph.refusals[mode] for mode in modes if mode in graph.refusals})
    blind = dict.fromkeys(blind for trace in traces.values() for blind in trace.blind)
    gaps += tuple(f"{blind.path or 'the model'}: {blind.reason}" for blind in blind)
    if not trees:
        return Picture(title, view, (), gaps=gaps, notes=notes)
    pairs = _aligned({mode: tree.roots for mode, tree in trees.items()})
    last = _number(pairs, INPUT + 1)
    draft = _Draft(graph, trees, last)
    boxes = (*draft.end("input"), *(draft.box(pair) for pair in pairs), *draft.end("output"))
    shaped = all(trace.shaped for trace in traces.values())
    chance = any(trace.drew_outside for trace in traces.values())
    return Picture(title, view, boxes, draft.edges(pairs), gaps, notes, shaped, chance)


def _refused(reasons: dict[Mode, str]) -> tuple[str, ...]:
    """Why the forwards stopped: once, where both say the same."""
    if len(reasons) == 2 and len(set(reasons.values())) == 1:
        return (f"both modes: {reasons['train']}",)
    return tuple(f"{mode} mode: {reason}" for mode, reason in reasons.items())


def _aligned(lists: dict[Mode, list[Knot]]) -> list[Pair]:
    """Children of the two modes in one order, those that are the same in both as one."""
    if len(lists) == 1:
        ((mode, knots),) = lists.items()
        return [_paired({mode: knot}) for knot in knots]
    train, eval = lists["train"], lists["eval"]
    names = [_name(knot) for knot in train], [_name(knot) for knot in eval]
    matcher = SequenceMatcher(None, *names, autojunk=False)
    alone: list[dict[Mode, Knot]] = []
    for tag, start, end, start_eval, end_eval in matcher.get_opcodes():
        if tag == "equal":
            both = zip(train[start:end], eval[start_eval:end_eval], strict=True)
            alone += [{"train": one, "eval": other} for one, other in both]
        else:
            alone += [{"train": knot} for knot in train[start:end]]
            alone += [{"eval": knot} for knot in eval[start_eval:end_eval]]
    return [_paired(knots) for knots in _met(alone)]


def _met(entries: list[dict[Mode, Knot]]) -> list[dict[Mode, Knot]]:
    """Calls of one module that stand at different places in the two modes are still the same call.

    A drop path that does nothing in eval mode leaves no trace of where it was called.
    """
    waiting: dict[str, list[dict[Mode, Knot]]] = {}
    for entry in entries:
        if "eval" not in entry and entry["train"].call is not None:
            waiting.setdefault(entry["train"].path, []).append(entry)
    kept = []
    for entry in entries:
        partners = waiting.get(entry["eval"].path) if "train" not in entry else None
        if partners and entry["eval"].call is not None:
            partners.pop(0)["eval"] = entry["eval"]
        else:
            kept.append(entry)
    return kept


def _paired(knots: dict[Mode, Knot]) -> Pair:
    return Pair(knots, _aligned({mode: knot.children for mode, knot in knots.items()}))


def _name(knot: Knot) -> str:
    return f"operation {label(knot.node)}" if knot.node is not None else knot.path


def _number(pairs: list[Pair], key: int) -> int:
    for pair in pairs:
        pair.key = key
        key = _number(pair.children, key + 1)
    return key


def _walk(pairs: list[Pair]) -> Iterator[Pair]:
    for pair in pairs:
        yield pair
        yield from _walk(pair.children)


def _of_both(modes: list[list[fx.Node]]) -> tuple[Shape, ...]:
    """The shapes of the first mode in order, then what the second has more of each."""
    found: list[Shape] = []
    for nodes in modes:
        told = call_tree.listed(nodes)
        missing = Counter(told) - Counter(found)
        for shape in told:
            if missing[shape] > 0:
                found.append(shape)
                missing[shape] -= 1
    return tuple(found)


class _Draft:
    """Turns pairs into boxes and the graphs' edges into edges between them."""

    def __init__(self, graph: ModelGraph, trees: dict[Mode, CallTree], last: int) -> None:
        self._graph, self._trees, self._last = graph, trees, last
        self._fed = {mode: fed(tree.trace.graph) for mode, tree in trees.items()}
        # Of a forward that stopped early nothing came out: all of it is shown.
        whole = [tree.trace.graph for tree in trees.values() if tree.trace.complete]
        self._complete = len(whole) == len(trees)
        self._idle = {node for graph in whole for node in idle(graph)}
        counted = [Counter(call.path for call in tree.trace.sequence) for tree in trees.values()]
        self._calls = {path: max(c[path] for c in counted) for path in {p for c in counted for p in c}}

    def end(self, kind: str) -> tuple[Box, ...]:
        """The box of what goes in or comes out; none where no trace has it."""
        graphs = [tree.trace.graph for tree in self._trees.values()]
        if kind == "input":
            given = [[node for node in graph.nodes if node.op == "placeholder"] for graph in graphs]
            if not any(node.users for nodes in given for node in nodes):
                return ()
            return (Box(INPUT, "", "input", kind="input", outputs=_of_both(given)),)
        made = [call_tree.returned(graph) for graph in graphs]
        return (Box(self._last, "", "output", kind="output", inputs=_of_both(made)),) if any(made) else ()

    def box(self, pair: Pair, alone: bool = False) -> Box:
        """A pair with all that is in it; ``alone`` where what it is in runs in one mode only."""
        knot, mode = pair.knot, next(iter(pair.knots))
        done = {m: deeds.of(k, self._graph.modules, self._fed[m]) for m, k in pair.knots.items()}
        role: Role = next((deed.role for deed in done.values() if deed.role != "plain"), "plain")
        # A source of noise that drew nothing in this mode is off, not unknown.
        words = {
            m: deed.words if deed.role != "plain" or role == "norm" else deeds.OFF for m, deed in done.items()
        }
        marked = role != "plain" and any(words.values())
        tree = self._trees[mode]
        single = len(pair.knots) < len(self._trees)
        common = Box(
            pair.key,
            knot.path,
            "",
            role=role,
            outputs=tree.outputs(knot),
            train=words.get("train") if marked else None,
            eval=words.get("eval") if marked else None,
            only=mode if single else None,
        )
        if knot.node is not None:
            hidden = role == "plain" and self._hides(knot.node, single and not alone)
            return replace(common, label=label(knot.node), kind="operation", plumbing=hidden)
        assert knot.call is not None
        failed = any(self._fails(m, k) for m, k in pair.knots.items())
        return replace(
            common,
            label=knot.path,
            class_name=knot.call.class_name,
            inputs=knot.call.shapes,
            outputs=() if failed else common.outputs or knot.call.shapes,
            call=knot.call.index,
            calls=self._calls.get(knot.path, 1),
            passes=role == "plain" and all(k.empty for k in pair.knots.values()),
            failed=failed,
            children=tuple(self.box(child, single) for child in pair.children),
        )

    def _hides(self, node: fx.Node, news: bool) -> bool:
        """Whether a reader can do without the operation; that one mode alone moves values is ``news``."""
        if node in self._idle or is_silent(node):
            return True
        # Of a forward that stopped nobody knows what it would have moved.
        return is_plumbing(node) and not (news and self._complete)

    def edges(self, pairs: list[Pair]) -> tuple[Edge, ...]:
        """What flows, between operations and leaves, in order."""
        keys = {id(knot): pair.key for pair in _walk(pairs) for knot in pair.knots.values()}
        found: dict[tuple[int, int], set[Mode]] = {}
        for mode, tree in self._trees.items():
            for source, target in self._flows(tree, keys):
                found.setdefault((source, target), set()).add(mode)
        every = len(self._trees)
        return tuple(
            Edge(*ends, None if len(modes) == every else next(iter(modes)))
            for ends, modes in sorted(found.items())
            if ends[0] < ends[1]
        )

    def _flows(self, tree: CallTree, keys: dict[int, int]) -> Iterator[tuple[int, int]]:
        def key(node: fx.Node) -> int | None:
            if node.op == "placeholder":
                return INPUT
            owner = tree.owners.get(node)
            return None if owner is None else keys[id(owner)]

        for node in tree.trace.graph.nodes:
            target = self._last if node.op == "output" else key(node)
            for given in node.all_input_nodes:
                source = key(given)
                if source is not None and target is not None:
                    yield source, target

    def _fails(self, mode: Mode, knot: Knot) -> bool:
        trace = self._trees[mode].trace
        return trace.failed_in == knot.path and trace.calls(knot.path)[-1:] == [knot.call]
