"""The fallback without a batch: ``torch.fx.symbolic_trace``, which sees calls but no shapes."""

from __future__ import annotations

from collections import Counter

from torch import fx, nn

from evalcheck.graph.traces import Call, Mode, Trace
from evalcheck.guard import untouched
from evalcheck.guard.modes import switch


def record(model: nn.Module, mode: Mode) -> tuple[Trace | None, str | None]:
    """The symbolic trace in that mode, or None and why there is none.

    Leaves are torch's own modules: what happens inside them has no nodes.
    """
    with untouched(model):
        try:
            switch(model, mode == "train")
            graph = fx.Tracer().trace(model)
            modes = {path: module.training for path, module in model.named_modules()}
        except Exception as error:
            first = next(iter(str(error).splitlines()), "").partition(". ")[0]
            return None, f"{type(error).__name__}: {first}"
    counts: Counter[str] = Counter()
    calls: list[Call] = []
    for node in graph.nodes:
        path = str(node.target) if node.op == "call_module" else ""
        node.meta.update(module=path, call=counts[path], span=None, shape=None, dtype=None, mode=mode)
        if node.op == "call_module":
            module = model.get_submodule(path)
            node.meta["training"] = modes.get(path, module.training)
            calls.append(_call(path, module, counts[path], node.meta["training"]))
            counts[path] += 1
    return Trace(mode, graph, tuple(calls), shaped=False), None


def _call(path: str, module: nn.Module, index: int, training: bool) -> Call:
    rate = getattr(module, "p", None)
    return Call(
        path=path,
        class_name=type(module).__name__,
        index=index,
        root=0,
        parent=path.rpartition(".")[0],
        training=training,
        shapes=(),
        p=float(rate) if isinstance(rate, (int, float)) else None,
    )
