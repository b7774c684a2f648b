"""Writes down one forward: every torch function as a node, every module call as a call.

The record is kept at the level of torch functions (``F.dropout``, ``F.batch_norm``, ``torch.add``):
deeper than modules, so that functional layers are seen, and above the kernels, so that a node is
still a line that somebody wrote.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import torch
from torch import Tensor, fx, nn

from evalcheck.finding import Span
from evalcheck.graph.recording import marks
from evalcheck.graph.recording.callers import caller
from evalcheck.graph.recording.contexts import Contexts
from evalcheck.graph.recording.frozen_arguments import arguments, frozen
from evalcheck.graph.recording.memory import shape
from evalcheck.graph.recording.module_calls import Frame, ModuleCalls
from evalcheck.graph.recording.origins import Origins
from evalcheck.graph.recording.outline import outline
from evalcheck.graph.recording.randomness import Draws, ForeignDraws
from evalcheck.graph.recording.spelling import in_graph
from evalcheck.graph.recording.tensors import inside, tensors, version
from evalcheck.graph.recording.writing import written
from evalcheck.graph.traces import Blind, Leaf, Mode, Trace

Function = Callable[..., Any]


class Recorder:
    """The state of one recording. ``limit`` caps the nodes: a long Python loop must not fill memory."""

    def __init__(
        self,
        names: Mapping[int, str],
        state: Mapping[int, str],
        mode: Mode,
        limit: int,
        draws: Draws,
        keep: bool = False,
    ) -> None:
        self.graph = fx.Graph()
        self.modules = ModuleCalls(names)
        self.origins = Origins(self.graph, self.modules, state, self._emit, self._describe_one, keep)
        self.root_frame: FrameType | None = None
        self.foreign: ForeignDraws | None = None
        self._state = state
        self._mode = mode
        self._left = limit
        self._draws = draws
        self._contexts = Contexts()
        self._decisions: dict[Span, None] = {}
        self._leaves: dict[int, Leaf] = {}
        self._foreign_draws: dict[int, None] = {}

    @property
    def full(self) -> bool:
        return self._left <= 0

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a torch function and record it if it makes or writes a tensor."""
        name = getattr(function, "__name__", "")
        if self._left <= 0 or name in marks.ASKING:
            self._contexts.ask(name)
            if name in marks.DECIDING and self._left > 0:
                self._decided(args, name)
            return function(*args, **kwargs)
        given = inside(args, kwargs)
        before = [(t, version(t), self.origins.known(t)) for t in given]
        self._contexts.look()
        steady = name in marks.STEADY
        if not steady:
            self._draws.begin(kwargs)
        result = function(*args, **kwargs)
        made = [result] if isinstance(result, Tensor) else list(tensors(result))
        moved = [t for t, v, _ in before if v != version(t)]
        wrote = written(name, args, kwargs, made, moved)
        if not made and not wrote:
            return result
        if not wrote and name not in marks.DROPPING and any(t is result for t in given):
            return result  # a cast to the same type, an expansion to the same size: nothing happened
        sources = {id(t): node for t, _, node in before if node is not None}
        node = self._operation(function, name, args, kwargs, sources, made)
        self._describe(node, result if made else wrote[0], made or wrote)
        node.meta["rng"] = not steady and self._draws.drew()
        for tensor in wrote:
            self._note_write(node, tensor, sources, made)
        if isinstance(result, Tensor):
            return result if any(t is result for t in wrote) else self._made(node, result, given)
        self._spread(node, result)
        return result

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame:
        """A module call begins. Tensors that the outermost call brings are the graph's inputs."""
        given = inside(args, kwargs)
        if not self.modules.stack and not self.modules.calls and not self.full:
            for tensor in given:
                if self.origins.makers.find(tensor) is None and id(tensor) not in self._state:
                    self._left -= 1
                    self.origins.input(tensor)
        self._look_for_foreign_draws()
        nodes = self.origins.all(given) if not self.full else ()
        frame = self.modules.enter(module, given, caller(self.root_frame))
        frame.given, frame.start = nodes, len(self.graph.nodes)
        return frame

    def leave(self, frame: Frame, given: Any, result: Any) -> None:
        """A module call ended."""
        self._look_for_foreign_draws()
        made = [result] if isinstance(result, Tensor) else list(tensors(result))
        self._bridge(frame.path, given, made, frame.reason)
        self.modules.leave(frame)
        if frame.leaf and not self.full:
            outputs, single = self.origins.all(made), isinstance(result, Tensor)
            leaf = Leaf(frame.position, frame.start, frame.given, outputs, single)
            self._leaves[frame.position] = leaf

    def bridge(self, given: Any, result: Any) -> None:
        """A custom autograd function ended: its kernels may be foreign, its inputs and outputs are not."""
        self._bridge(self.modules.path, given, list(tensors(result)), None)

    def finish(self, result: Any, failed_in: str | None, drew_outside: bool) -> Trace:
        """The trace, with what the run returned as the graph's output."""
        known = [node for t in tensors(result) if (node := self.origins.known(t)) is not None]
        self._describe(self.graph.output(tuple(known)), None, [])
        # A frame holds what it called: without this, everything would wait for the garbage collector.
        self.root_frame = None
        return Trace(
            self._mode,
            self.graph,
            tuple(self.modules.calls),
            complete=failed_in is None and not self.full,
            failed_in=failed_in,
            inline=self.modules.inline,
            blind=tuple(self.origins.blind),
            decisions=tuple(self._decisions),
            leaves=self._leaves,
            output=outline(result),
            drew_outside=drew_outside,
            foreign=tuple(self._foreign_draws),
            constants=self.origins.constants,
            context=self._contexts.met,
        )

    def _bridge(self, path: str, given: Any, made: list[Tensor], reason: str | None) -> None:
        """Join outputs that no recorded operation made to the inputs of the code that returned them."""
        if self._left <= 0:
            return
        unknown = [t for t in made if self.origins.known(t) is None and id(t) not in self._state]
        if not unknown:
            return
        sources = [node for t in tensors(given) if (node := self.origins.known(t)) is not None]
        if self.origins.escaped and reason is None:
            # Not from the inputs alone: what had gone out to numpy comes back here.
            sources, reason = self.origins.escaped, marks.NUMPY
        node = self._node(marks.opaque, "opaque", tuple(dict.fromkeys(sources)), {})
        self._describe(node, unknown[0], unknown)
        node.meta["rng"] = self._draws.drew()
        if reason is not None:
            self.origins.blind[Blind(path, reason)] = None
        for tensor in unknown:
            self.origins.makers.put(tensor, node)

    def _operation(
        self,
        function: Function,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        sources: dict[int, fx.Node],
        made: list[Tensor],
    ) -> fx.Node:
        def node_of(tensor: Tensor) -> fx.Node:
            return sources.get(id(tensor)) or self.origins.of(tensor)

        if name in marks.FROM_DATA and self.origins.escaped and any(map(self.origins.computed, made)):
            return self.origins.returned(made[0])
        if name.startswith(("__", "pow")):
            function, name, args = in_graph(function, name, args)
        keywords = {key: frozen(value, node_of) for key, value in kwargs.items()} if kwargs else {}
        node = self._node(function, name, arguments(args, node_of), keywords)
        if function is torch.nn.functional.batch_norm:
            node.meta["norm"] = self._norm(args, kwargs) or self.modules.path
        return node

    def _made(self, node: fx.Node, result: Tensor, given: list[Tensor]) -> Tensor:
        """Note the maker of a result; a dropout's very input gets an alias, as far as one may be had."""
        if not any(t is result for t in given):
            self.origins.makers.put(result, node)
            return result
        # A leaf that requires grad must keep its identity, and a view that is made without gradients
        # must not be written to with them.
        leaf = result.is_leaf and result.requires_grad
        if type(result) is not Tensor or leaf or torch.is_grad_enabled() != (self._mode == "train"):
            return result
        alias = result.view_as(result)
        self.origins.makers.put(alias, node)
        return alias

    def _note_write(
        self, node: fx.Node, tensor: Tensor, sources: dict[int, fx.Node], made: list[Tensor]
    ) -> None:
        """From now on the tensor comes from ``node``, or where that gives something else, from after it."""
        whole = getattr(node.target, "__name__", "") in ("setitem", "setattribute")
        if not whole and not any(t is tensor for t in made) and (source := sources.get(id(tensor))):
            node = self._emit(marks.after, "after", (source, node), tensor)
        self.origins.makers.wrote(tensor, node)

    def _norm(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The norm that owns the statistics: a subclass may call the function from elsewhere."""
        mean = kwargs.get("running_mean", args[1] if len(args) > 1 else None)
        name = self._state.get(id(mean)) if mean is not None else None
        return name.rpartition(".")[0] if name else None

    def _look_for_foreign_draws(self) -> None:
        if self.foreign is not None and self.foreign.drew() and self.modules.stack:
            self._foreign_draws[self.modules.stack[-1].position] = None

    def _decided(self, args: tuple[Any, ...], name: str) -> None:
        """A value left the graph: what Python does with it holds for this batch alone."""
        if (span := caller(self.root_frame)) is not None:
            self._decisions[span] = None
        if name in marks.TO_NUMPY:
            found = (self.origins.known(tensor) for tensor in inside(args, {}))
            self.origins.escaped += [node for node in found if node is not None]

    def _emit(self, function: Any, name: str, args: tuple[fx.Node, ...], tensor: Tensor) -> fx.Node:
        node = self._node(function, name, args, {})
        self._describe_one(node, tensor)
        return node

    def _node(self, function: Function, name: str, args: Any, kwargs: dict[str, Any]) -> fx.Node:
        self._left -= 1
        name = name.strip("_") or "function"
        node = self.graph.create_node("call_function", function, name=name)
        # Given afterwards: on creation fx searches all arguments for symbolic numbers.
        node.args = args
        if kwargs:
            node.kwargs = kwargs
        node.meta["span"] = caller(self.root_frame)
        return node

    def _describe_one(self, node: fx.Node, tensor: Tensor) -> None:
        self._describe(node, tensor, [tensor])

    def _describe(self, node: fx.Node, result: Any, made: list[Tensor]) -> None:
        top = self.modules.stack[-1] if self.modules.stack else None
        meta = node.meta
        meta["module"], meta["call"], meta["at"] = (
            (top.path, top.index, top.position) if top is not None else ("", 0, 0)
        )
        meta["mode"] = self._mode
        if len(made) == 1 and isinstance(result, Tensor):
            meta["shape"], meta["dtype"] = shape(made[0]), made[0].dtype
        else:
            meta["shape"] = tuple(shape(t) for t in made)
            meta["dtype"] = tuple(t.dtype for t in made)
        meta.setdefault("span", None)
        meta.setdefault("rng", False)

    def _spread(self, node: fx.Node, result: Any) -> None:
        """One node per tensor of a tuple or list that an operation returned, at any depth."""
        items = enumerate(result) if isinstance(result, (tuple, list)) else ()
        for index, item in items:
            inner = list(tensors(item))
            if inner:
                part = self._node(operator.getitem, "getitem", (node, index), {})
                self._describe(part, item, inner)
                if isinstance(item, Tensor):
                    self.origins.makers.put(item, part)
                else:
                    self._spread(part, item)
