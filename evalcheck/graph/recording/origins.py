"""The node of a tensor: its maker, a parameter, an input, a constant, or code that nobody sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice

from torch import Tensor, fx

from evalcheck.graph.recording import marks
from evalcheck.graph.recording.makers import Makers
from evalcheck.graph.recording.module_calls import ModuleCalls
from evalcheck.graph.recording.tensors import version
from evalcheck.graph.traces import Blind

_RECENT = 50


class Origins:
    """Knows where tensors come from. ``emit`` makes a node for ``after`` and ``opaque``, described."""

    def __init__(
        self,
        graph: fx.Graph,
        modules: ModuleCalls,
        state: Mapping[int, str],
        emit: Callable[[object, str, tuple[fx.Node, ...], Tensor], fx.Node],
        describe: Callable[[fx.Node, Tensor], None],
        keep: bool,
    ) -> None:
        self.makers = Makers()
        self.blind: dict[Blind, None] = {}
        self.constants: dict[str, Tensor] | None = {} if keep else None
        self.escaped: list[fx.Node] = []
        self.elsewhere = False
        self.plain: Callable[[], frozenset[int]] = frozenset
        self._graph = graph
        self._modules = modules
        self._state = state
        self._state_nodes: dict[str, fx.Node] = {}
        self._emit = emit
        self._describe = describe
        self._batch: int | None = None

    def known(self, tensor: Tensor) -> fx.Node | None:
        """The node that made the tensor, joined with everything that was written into it since."""
        if (node := self.makers.settled(tensor, version(tensor))) is not None:
            return node
        if (node := self.makers.find(tensor)) is None:
            return None
        for writer in self.makers.late_writers(tensor):
            node = self._emit(marks.after, "after", (node, writer), tensor)
            self.makers.put(tensor, node)
        if self.makers.written_unseen(tensor):
            self.blind[Blind(self._modules.path, marks.WRITTEN)] = None
            self.makers.put(tensor, node)
        return node

    def of(self, tensor: Tensor) -> fx.Node:
        """The node of any tensor; one is made where there is none yet."""
        return self.known(tensor) or self._from_outside(tensor)

    def all(self, given: list[Tensor]) -> tuple[fx.Node, ...]:
        """The nodes of what goes into a module call or comes out of it, as far as there are any."""
        found = (self.of(t) if self.computed(t) else self.known(t) for t in given)
        return tuple(node for node in found if node is not None)

    def input(self, tensor: Tensor) -> fx.Node:
        """A new input of the graph. The first one tells the size of the batch."""
        node = self._graph.placeholder(f"input_{len(self._graph.nodes)}")
        if self._batch is None and tensor.ndim:
            self._batch = int(tensor.shape[0])
        self._describe(node, tensor)
        self.makers.put(tensor, node)
        return node

    def is_state(self, tensor: Tensor) -> bool:
        return id(tensor) in self._state

    def computed(self, tensor: Tensor) -> bool:
        """Whether a tensor of unknown origin was most likely made in this forward, and not before it.

        It has a history, or a row for every sample; what a model keeps has neither.
        """
        if id(tensor) in self._state or not self._modules.calls or self.makers.find(tensor) is not None:
            return False
        rows = tensor.ndim > 0 and not tensor.is_nested and int(tensor.shape[0]) == self._batch
        likely = tensor.grad_fn is not None or (rows and self._batch != 1)
        return likely and id(tensor) not in self.plain()

    def returned(self, tensor: Tensor) -> fx.Node:
        """A tensor that comes back from where nothing was seen, joined to what most likely went there."""
        reason, sources = self._hidden()
        self.blind[Blind(self._modules.path, reason)] = None
        return self._emit(marks.opaque, "opaque", tuple(dict.fromkeys(sources)), tensor)

    def _hidden(self) -> tuple[str, list[fx.Node]]:
        if self.escaped:
            return marks.NUMPY, self.escaped
        frame = self._modules.stack[-1] if self._modules.stack else None
        # What nobody has used yet went somewhere; else the inputs of the module did.
        recent = islice(reversed(self._graph.nodes), _RECENT)
        here = frame.position if frame is not None else 0
        loose = [n for n in recent if not n.users and n.op == "call_function" and n.meta.get("at") == here]
        reason = marks.THREADED if self.elsewhere else marks.UNSEEN
        return reason, loose[::-1] or (list(frame.given) if frame is not None else [])

    def _from_outside(self, tensor: Tensor) -> fx.Node:
        name = self._state.get(id(tensor))
        if name is not None:
            return self._of_state(name, tensor)
        if not self._modules.calls:
            # An own __call__, or the user's way of running a batch, prepares the input.
            return self.input(tensor)
        if self.computed(tensor):
            node = self.returned(tensor)
        else:
            node = self._graph.create_node("get_attr", "constant", name="constant")
            node.target = f"constants.{node.name}"
            if self.constants is not None:
                self.constants[str(node.target)] = tensor.detach()
            self._describe(node, tensor)
        self.makers.put(tensor, node)
        return node

    def _of_state(self, name: str, tensor: Tensor) -> fx.Node:
        if name not in self._state_nodes:
            node = self._graph.create_node("get_attr", name, name=name.replace(".", "_"))
            self._describe(node, tensor)
            self._state_nodes[name] = node
        self.makers.put(tensor, self._state_nodes[name])
        return self.known(tensor) or self._state_nodes[name]
