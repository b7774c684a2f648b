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
from evalcheck.graph.recording.callers import caller
from evalcheck.graph.recording.frozen_arguments import frozen
from evalcheck.graph.recording.module_calls import Frame, ModuleCalls
from evalcheck.graph.recording.tensors import Makers, tensors, version
from evalcheck.graph.traces import Mode, Trace

Function = Callable[..., Any]

# These return their very input where there is nothing to do (dropout in eval mode, a cast to the
# same type); the caller gets an alias then, or later uses of the input would seem to pass through.
_MAY_RETURN_INPUT = frozenset(
    [
        *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"),
        *("contiguous", "to", "type", "type_as", "float", "double", "half", "bfloat16", "long", "int", "cpu"),
    ]
)


def after(tensor: Tensor, writer: Tensor) -> Tensor:
    """``tensor`` as it is after ``writer`` wrote into its memory: makes mutation an ordinary edge."""
    return tensor


def opaque(*inputs: Tensor) -> None:
    """Stands for code that torch functions do not see: scripted parts, custom kernels, numpy."""


class Recorder:
    """The state of one recording. ``limit`` caps the nodes: a long Python loop must not fill memory."""

    def __init__(self, names: Mapping[int, str], state: Mapping[int, str], mode: Mode, limit: int) -> None:
        self.graph = fx.Graph()
        self.modules = ModuleCalls(names)
        self.makers = Makers()
        self.root_frame: FrameType | None = None
        self._state = state
        self._state_nodes: dict[str, fx.Node] = {}
        self._mode = mode
        self._left = limit

    @property
    def full(self) -> bool:
        return self._left <= 0

    def run(self, function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call a torch function and record it if it makes or writes a tensor."""
        if self.full:
            return function(*args, **kwargs)
        given = list(tensors((args, kwargs)))
        before = [(t, version(t), self._known(t)) for t in given]
        result = function(*args, **kwargs)
        written = [t for t, v, _ in before if v != version(t)]
        made = list(tensors(result))
        if not made and not written:
            return result
        sources = {id(t): node for t, _, node in before if node is not None}
        node = self._operation(function, args, kwargs, sources)
        for tensor in written:
            self.makers.wrote(tensor, node)
        unchanged = {id(t) for t, v, _ in before if v == version(t)}
        if isinstance(result, Tensor) and id(result) in unchanged and _may_alias(function, result):
            result = result.view_as(result)
        self._describe(node, result if made else written[0], made or written)
        if isinstance(result, Tensor):
            self.makers.put(result, node)
        else:
            self._spread(node, result)
        return result

    def enter(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Frame:
        """A module call begins. Tensors that the outermost call brings are the graph's inputs."""
        if not self.modules.stack and not self.full:
            for tensor in tensors((args, kwargs)):
                if self.makers.find(tensor) is None and id(tensor) not in self._state:
                    self._left -= 1
                    node = self.graph.placeholder(f"input_{len(self.graph.nodes)}")
                    self._describe(node, tensor, [tensor])
                    self.makers.put(tensor, node)
        return self.modules.enter(module, args, kwargs, caller(self.root_frame))

    def leave(self, frame: Frame, args: Any, result: Any) -> None:
        """A module call ended."""
        self.modules.leave(frame)
        self.bridge(args, result)

    def bridge(self, given: Any, result: Any) -> None:
        """Join outputs that no recorded operation made to the inputs of the code that returned them."""
        if self.full:
            return
        unknown = [t for t in tensors(result) if self._known(t) is None and id(t) not in self._state]
        if not unknown:
            return
        sources = [node for t in tensors(given) if (node := self._known(t)) is not None]
        node = self._node(opaque, tuple(dict.fromkeys(sources)), {})
        self._describe(node, unknown[0], unknown)
        for tensor in unknown:
            self.makers.put(tensor, node)

    def finish(self, result: Any, failed_in: str | None) -> Trace:
        """The trace, with what the run returned as the graph's output."""
        known = [node for t in tensors(result) if (node := self.makers.find(t)) is not None]
        self._describe(self.graph.output(tuple(known)), None, [])
        complete = failed_in is None and not self.full
        calls, inline = tuple(self.modules.calls), self.modules.inline
        return Trace(self._mode, self.graph, calls, complete, failed_in=failed_in, inline=inline)

    def _known(self, tensor: Tensor) -> fx.Node | None:
        node = self.makers.find(tensor)
        if node is not None and (writer := self.makers.late_writer(tensor)) is not None:
            node = self._node(after, (node, writer), {})
            self._describe(node, tensor, [tensor])
            self.makers.put(tensor, node)
        return node

    def _operation(
        self,
        function: Function,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        sources: dict[int, fx.Node],
    ) -> fx.Node:
        def node_of(tensor: Tensor) -> fx.Node:
            return sources.get(id(tensor)) or self._from_outside(tensor)

        arguments = frozen(args, node_of)
        keywords = {key: frozen(value, node_of) for key, value in kwargs.items()}
        node = self._node(function, arguments, keywords)
        if function is torch.nn.functional.batch_norm:
            top = self.modules.stack[-1].path if self.modules.stack else ""
            node.meta["norm"] = self._norm(args, kwargs) or top
        return node

    def _norm(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        """The norm that owns the statistics: a subclass may call the function from elsewhere."""
        mean = kwargs.get("running_mean", args[1] if len(args) > 1 else None)
        name = self._state.get(id(mean)) if mean is not None else None
        return name.rpartition(".")[0] if name else None

    def _from_outside(self, tensor: Tensor) -> fx.Node:
        """A parameter or buffer by its name; a tensor of unknown origin under a name of ours."""
        name = self._state.get(id(tensor))
        if name is None:
            node = self.graph.create_node("get_attr", "constant", name="constant")
            self._describe(node, tensor, [tensor])
            self.makers.put(tensor, node)
            return node
        if name not in self._state_nodes:
            self._state_nodes[name] = self.graph.create_node("get_attr", name)
            self._describe(self._state_nodes[name], tensor, [tensor])
        return self._state_nodes[name]

    def _node(self, function: Function, args: Any, kwargs: dict[str, Any]) -> fx.Node:
        self._left -= 1
        name = getattr(function, "__name__", "function").strip("_") or "function"
        node = self.graph.create_node("call_function", function, args, kwargs, name=name)
        span: Span | None = caller(self.root_frame)
        node.meta.update(span=span)
        return node

    def _describe(self, node: fx.Node, result: Any, made: list[Tensor]) -> None:
        top = self.modules.stack[-1] if self.modules.stack else None
        shapes, types = [tuple(t.shape) for t in made], [t.dtype for t in made]
        single = isinstance(result, Tensor)
        node.meta.update(
            module=top.path if top else "",
            call=top.index if top else 0,
            mode=self._mode,
            shape=shapes[0] if single else tuple(shapes),
            dtype=types[0] if single else tuple(types),
        )
        node.meta.setdefault("span", None)

    def _spread(self, node: fx.Node, result: Any) -> None:
        """One node per tensor of a tuple or list that an operation returned."""
        items = enumerate(result) if isinstance(result, (tuple, list)) else ()
        for index, item in items:
            for tensor in tensors(item):
                part = self._node(operator.getitem, (node, index), {})
                self._describe(part, tensor, [tensor])
                self.makers.put(tensor, part)


def _may_alias(function: Function, result: Tensor) -> bool:
    # A leaf that requires grad must keep its identity: its gradient is looked up on it.
    leaf = result.is_leaf and result.requires_grad
    name = getattr(function, "__name__", "")
    return name in _MAY_RETURN_INPUT and type(result) is Tensor and not leaf
