"""Stands between a model and its operations: computes shapes only, and notes what is seen.

A dispatch mode, for real trials and those on the meta device. On meta, what the input has touched has
no memory and costs no arithmetic; what it has not touched (tables, positions, drop rates) is computed
for real, so that code that looks at such values runs on. Parameters and buffers are not converted: a
twin without memory stands for one when it meets the input. The rest of a model, plain tensors kept as
attributes too, needs no swapping then, which is what breaks a functional call with meta parameters.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map_only

from evalcheck.inputs.outcome import Outcome, TooSlow
from evalcheck.inputs.spec import SAMPLES

META = torch.device("meta")
# Tables larger than this that a forward makes are left without values.
TABLE = 1 << 24


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Keeps values away from what the input has touched, and knows which input that was."""

    def __init__(self, outcome: Outcome, named: dict[str, Tensor], place: torch.device, until: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.outcome, self.place, self.until = outcome, place, until
        # Tensors are kept, so that no id is given twice.
        self.roots: dict[int, tuple[Tensor, str]] = {id(t): (t, name) for name, t in named.items()}
        self.twins: dict[int, tuple[Tensor, Tensor]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else the first operation imports Dynamo, only to be left alone by it: one to two seconds.
        return False

    def root(self, tensor: Tensor) -> str | None:
        """The input that a tensor was made from, None where there are none or several."""
        found = self.roots.get(id(tensor))
        return found[1] if found else None

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if time.monotonic() > self.until:
            raise TooSlow
        given = dict(kwargs or {})
        tensors = [t for t in tree_iter((args, given)) if isinstance(t, Tensor)]
        name = func.overloadpacket.__name__
        if any(t.is_meta for t in tensors) or self._writes_a_parameter(func, args):
            args, given = tree_map_only(Tensor, self._twin, (args, given))
            if given.get("device") is not None:
                given["device"] = META
        elif given.get("device") is not None and given["device"].type == "meta" and _small(name, args):
            given["device"] = self.place
        self._note(name, tensors)
        result = func(*args, **given)
        sources = {root for t in tensors if (root := self.root(t)) is not None}
        if len(sources) == 1:
            (source,) = sources
            for made in tree_iter(result):
                if isinstance(made, Tensor):
                    self.roots.setdefault(id(made), (made, source))
        return result

    def _note(self, name: str, tensors: list[Tensor]) -> None:
        if name == "embedding" and len(tensors) == 2 and (root := self.root(tensors[1])) is not None:
            rows = tensors[0].shape[0]
            self.outcome.rows[root] = min(rows, self.outcome.rows.get(root, rows))
        if "batch_norm" in name and tensors and tensors[0].ndim > 1:
            shape = tensors[0].shape
            values = tensors[0].numel() // max(shape[1], 1)
            self.outcome.norms.append(values * SAMPLES // max(self.outcome.samples, 1))

    def _twin(self, tensor: Tensor) -> Tensor:
        if tensor.is_meta:
            return tensor
        found = self.twins.get(id(tensor))
        if found is None:
            twin = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=META)
            found = self.twins[id(tensor)] = (tensor, twin)
        return found[1]

    @staticmethod
    def _writes_a_parameter(func: Any, args: tuple[Any, ...]) -> bool:
        # Parameters are not copied by the guard here: 300 MB would be, for every shape that is tried.
        mutates = func._schema.is_mutable and args and isinstance(args[0], Tensor)
        return bool(mutates) and isinstance(args[0], nn.Parameter)


def _small(name: str, args: tuple[Any, ...]) -> bool:
    shape = args[0] if args and isinstance(args[0], (list, tuple)) else ()
    numbers = 1
    for size in shape:
        numbers *= size if isinstance(size, int) else 1
    return numbers <= TABLE
