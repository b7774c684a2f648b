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
from evalcheck.graph.recording.frozen_arguments import arguments, frozen
from evalcheck.graph.recording.makers import Makers
from evalcheck.graph.recording.marks import after, opaque
from evalcheck.graph.recording.module_calls import Frame, ModuleCalls
from evalcheck.graph.recording.outline import outline
from evalcheck.graph.recording.randomness import Draws, ForeignDraws
from evalcheck.graph.recording.tensors import inside, tensors, version
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
        self.makers = Makers()
        self.root_frame: FrameType | None = None
        self._state = state
        self._state_nodes: dict[str, fx.Node] = {}
        self._mode = mode
        self._left = limit
        self._draws = draws
        self._constants: dict[str, Tensor] | None = {} if keep else None
        self._blind: dict[Blind, None] = {}
        self._decisions: dict[Span, None] = {}
        self._escaped: list[fx.Node] = []
        self._leaves: dict[int, Leaf] = {}
        self.foreign: ForeignDraws | None = None
        self.elsewhere = False
        self._foreign_draws: dict[int, None] = {}

    @property
    def full(self) -> bool:
        return self._left <= 0

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a torch function and record it if it makes or writes a tensor."""
        name = getattr(function, "__name__", "")
        if self._left <= 0 or name in marks.ASKING:
            if name in marks.DECIDING and self._left > 0:
                self._decided(args, name)
            return function(*args, **kwargs)
        given = inside(args, kwargs)
        before = [(t, version(t), self._known(t)) for t in given]
        result = function(*args, **kwargs)
        written = [t for t, v, _ in before if v != version(t)]
        made = [result] if isinstance(result, Tensor) else list(tensors(result))
        if not made and not written:
            return result
        sources = {id(t): node for t, _, node in before if node is not None}
        node = self._operation(function, name, args, kwargs, sources)
        for tensor in written:
            self.makers.wrote(tensor, node)
        if isinstance(result, Tensor) and name in marks.MAY_RETURN_INPUT:
            unchanged = any(t is result and v == version(t) for t, v, _ in before)
            result = result.view_as(result) if unchanged and marks.may_alias(result) else result
            made = [result]
        self._describe(node, result if made else written[0], made or written)
        node.meta["rng"] = self._draws.drew()
        if isinstance(result, Tensor):
            self.makers.put(result, node)
        else:
            self._spread(node, result)
        return result

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame:
        """A module call begins. Tensors that the outermost call brings are the graph's inputs."""
        given = inside(args, kwargs)
        if not self.modules.stack and not self.full:
            for tensor in given:
                if self.makers.find(tensor) is None and id(tensor) not in self._state:
                    self._input(tensor)
        self._look_for_foreign_draws()
        frame = self.modules.enter(module, given, caller(self.root_frame))
        frame.given, frame.start = self._origins(given), len(self.graph.nodes)
        return frame

    def leave(self, frame: Frame, given: Any, result: Any) -> None:
        """A module call ended."""
        self._look_for_foreign_draws()
        self.modules.leave(frame)
        made = [result] if isinstance(result, Tensor) else list(tensors(result))
        self._bridge(frame.path, given, made, frame.reason)
        if frame.leaf:
            outputs, single = self._origins(made), isinstance(result, Tensor)
            leaf = Leaf(frame.position, frame.start, frame.given, outputs, single)
            self._leaves[frame.position] = leaf

    def bridge(self, given: Any, result: Any) -> None:
        """A custom autograd function ended: its kernels may be foreign, its inputs and outputs are not."""
        self._bridge(self.modules.path, given, list(tensors(result)), None)

    def finish(self, result: Any, failed_in: str | None, drew_outside: bool) -> Trace:
        """The trace, with what the run returned as the graph's output."""
        known = [node for t in tensors(result) if (node := self.makers.find(t)) is not None]
        self._describe(self.graph.output(tuple(known)), None, [])
        return Trace(
            self._mode,
            self.graph,
            tuple(self.modules.calls),
            complete=failed_in is None and not self.full,
            failed_in=failed_in,
            inline=self.modules.inline,
            blind=tuple(self._blind),
            decisions=tuple(self._decisions),
            leaves=self._leaves,
            output=outline(result),
            drew_outside=drew_outside,
            foreign=tuple(self._foreign_draws),
            constants=self._constants,
        )

    def _bridge(self, path: str, given: Any, made: list[Tensor], reason: str | None) -> None:
        """Join outputs that no recorded operation made to the inputs of the code that returned them."""
        if self._left <= 0:
            return
        unknown = [t for t in made if self._known(t) is None and id(t) not in self._state]
        if not unknown:
            return
        sources = [node for t in tensors(given) if (node := self._known(t)) is not None]
        node = self._node(opaque, "opaque", tuple(dict.fromkeys(sources)), {})
        self._describe(node, unknown[0], unknown)
        node.meta["rng"] = self._draws.drew()
        if reason is not None:
            self._blind[Blind(path, reason)] = None
        for tensor in unknown:
            self.makers.put(tensor, node)

    def _known(self, tensor: Tensor) -> fx.Node | None:
        node = self.makers.find(tensor)
        if node is not None and (writer := self.makers.late_writer(tensor)) is not None:
            node = self._node(after, "after", (node, writer), {})
            self._describe(node, tensor, [tensor])
            self.makers.put(tensor, node)
        return node

    def _look_for_foreign_draws(self) -> None:
        if self.foreign is not None and self.foreign.drew() and self.modules.stack:
            self._foreign_draws[self.modules.stack[-1].position] = None

    def _origins(self, given: list[Tensor]) -> tuple[fx.Node, ...]:
        found = (self.makers.find(t) or self._state_nodes.get(self._state.get(id(t), "")) for t in given)
        return tuple(node for node in found if node is not None)

    def _operation(
        self,
        function: Function,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        sources: dict[int, fx.Node],
    ) -> fx.Node:
        def node_of(tensor: Tensor) -> fx.Node:
            return sources.get(id(tensor)) or self._from_outside(tensor)

        if self._escaped and not sources and name in marks.FROM_DATA:
            return self._returned(marks.NUMPY, self._escaped)
        if name.startswith("__"):
            function, name, args = marks.in_graph(function, name, args)
        keywords = {key: frozen(value, node_of) for key, value in kwargs.items()} if kwargs else {}
        node = self._node(function, name, arguments(args, node_of), keywords)
        if function is torch.nn.functional.batch_norm:
            node.meta["norm"] = self._norm(args, kwargs) or self.modules.path
        return node

    def _norm(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The norm that owns the statistics: a subclass may call the function from elsewhere."""
        mean = kwargs.get("running_mean", args[1] if len(args) > 1 else None)
        name = self._state.get(id(mean)) if mean is not None else None
        return name.rpartition(".")[0] if name else None

    def _from_outside(self, tensor: Tensor) -> fx.Node:
        """A parameter or buffer by its name; an input that is prepared before the first module call;
        what came back from where torch functions see nothing; else a constant under a name of ours.
        """
        name = self._state.get(id(tensor))
        if name is not None:
            if name not in self._state_nodes:
                node = self.graph.create_node("get_attr", name, name=name.replace(".", "_"))
                self._describe(node, tensor, [tensor])
                self._state_nodes[name] = node
            return self._state_nodes[name]
        if not self.modules.calls:
            return self._input(tensor)
        if hidden := self._hidden_source():
            reason, sources = hidden
            node = self._returned(reason, sources)
        else:
            node = self.graph.create_node("get_attr", "constant", name="constant")
            node.target = node.name
            if self._constants is not None:
                self._constants[node.name] = tensor.detach()
        self._describe(node, tensor, [tensor])
        self.makers.put(tensor, node)
        return node

    def _hidden_source(self) -> tuple[str, list[fx.Node]] | None:
        """Where an unknown tensor most likely comes from, if anything went out of sight before."""
        if self._escaped:
            return marks.NUMPY, self._escaped
        if self.elsewhere and self.modules.stack:
            return marks.THREADED, list(self.modules.stack[-1].given)
        return None

    def _returned(self, reason: str, sources: list[fx.Node]) -> fx.Node:
        self._blind[Blind(self.modules.path, reason)] = None
        return self._node(opaque, "opaque", tuple(dict.fromkeys(sources)), {})

    def _input(self, tensor: Tensor) -> fx.Node:
        self._left -= 1
        node = self.graph.placeholder(f"input_{len(self.graph.nodes)}")
        self._describe(node, tensor, [tensor])
        self.makers.put(tensor, node)
        return node

    def _decided(self, args: tuple[Any, ...], name: str) -> None:
        """A value left the graph: what Python does with it holds for this batch alone."""
        if (span := caller(self.root_frame)) is not None:
            self._decisions[span] = None
        if name in marks.TO_NUMPY:
            self._escaped += [node for t in inside(args, {}) if (node := self._known(t)) is not None]

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

    def _describe(self, node: fx.Node, result: Any, made: list[Tensor]) -> None:
        top = self.modules.stack[-1] if self.modules.stack else None
        meta = node.meta
        meta["module"], meta["call"], meta["at"] = (
            (top.path, top.index, top.position) if top is not None else ("", 0, 0)
        )
        meta["mode"] = self._mode
        if len(made) == 1 and isinstance(result, Tensor):
            meta["shape"], meta["dtype"] = tuple(made[0].shape), made[0].dtype
        else:
            meta["shape"] = tuple(tuple(t.shape) for t in made)
            meta["dtype"] = tuple(t.dtype for t in made)
        meta.setdefault("span", None)
        meta.setdefault("rng", False)

    def _spread(self, node: fx.Node, result: Any) -> None:
        """One node per tensor of a tuple or list that an operation returned."""
        items = enumerate(result) if isinstance(result, (tuple, list)) else ()
        for index, item in items:
            for tensor in tensors(item):
                part = self._node(operator.getitem, "getitem", (node, index), {})
                self._describe(part, tensor, [tensor])
                self.makers.put(tensor, part)
