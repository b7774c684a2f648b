"""Runs a model once for real and records it: method f of execution tracing.

One forward under a ``TorchFunctionMode`` with the calls of modules and autograd functions patched.
Nothing is symbolic, so control flow on values, asserts and in-place writes are simply executed.
"""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from evalcheck.graph.recording import marks, tensors
from evalcheck.graph.recording.callers import ours, raised
from evalcheck.graph.recording.randomness import Draws, ForeignDraws
from evalcheck.graph.recording.recorder import Recorder
from evalcheck.graph.traces import Mode, Trace

LIMIT = 50_000

# Two recordings at once would each put back what the other patched.
_ONE_AT_A_TIME = threading.RLock()

Run = Callable[[nn.Module], Any]


def record(
    model: nn.Module,
    run: Run,
    mode: Mode,
    names: Mapping[int, str],
    state: Mapping[int, str],
    limit: int = LIMIT,
    *,
    keep: bool = False,
    foreign: bool = False,
) -> tuple[Trace, str | None]:
    """One forward of ``run`` in the model's present mode, and why it stopped early, if it did.

    ``names`` maps ``id(module)``, ``state`` ``id`` of a parameter or buffer, to the qualified name.
    ``keep`` keeps tensors of unknown origin, which an executable graph needs; ``foreign`` looks for
    draws from python's and numpy's generators at every module call, which costs as much as the rest.
    Nothing is put back here: call it under ``evalcheck.guard.untouched``.
    """
    with _ONE_AT_A_TIME:
        # Held until the end: the id of a buffer that a forward throws away must not be given to another.
        held = [*model.parameters(), *model.buffers()]
        recorder = Recorder(names, state, mode, limit, Draws(held), keep)
        recorder.foreign = ForeignDraws() if foreign else None
        recorder.origins.plain = cache(lambda: frozenset(map(id, tensors.plain(model))))
        refusal = failed_in = failed_at = result = None
        outside = ForeignDraws()
        with _patched(recorder), _uncompiled(), _uncollected(), _Watch(recorder):
            try:
                result = run(model)
            except Exception as error:
                failed_in, failed_at = recorder.modules.failed_in(error), raised(error)
                refusal = f"{said(error)}{f' (in {failed_in})' if failed_in else ''}"
                if ours(error):
                    refusal = f"{marks.FAULT}: {refusal}"
        del held
        if refusal is None and recorder.full:
            refusal = f"the forward has more than {limit:,} operations; what came after them is not recorded"
        trace = recorder.finish(result, failed_in, outside.drew())
        return replace(trace, failed_at=failed_at), refusal


def said(error: BaseException) -> str:
    """The class of an exception and what it says, in one line."""
    try:
        text = " ".join(str(error).split())[:300]
    except Exception:  # the user's own exception may fail to say anything
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Watch(TorchFunctionMode):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self._thread = threading.get_ident()

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if threading.get_ident() != self._thread:
            return func(*args, **(kwargs or {}))
        return self._recorder.run(func, args, kwargs or {})


@contextmanager
def _patched(recorder: Recorder) -> Iterator[None]:
    """Module calls and autograd functions report to the recorder; always undone."""
    call = nn.Module.__call__
    apply = torch.autograd.Function.__dict__["apply"]
    thread = threading.get_ident()

    def watched_call(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() != thread:
            recorder.origins.elsewhere = True
            return call(module, *args, **kwargs)
        if not recorder.modules.stack:
            recorder.root_frame = sys._getframe()
        # Our own questions about tensors are not the model's, and cost less unwatched.
        with torch._C.DisableTorchFunction():
            frame = recorder.enter(module, args, kwargs)
        try:
            result = call(module, *args, **kwargs)
        except BaseException as error:
            recorder.modules.failed(frame, error)
            raise
        with torch._C.DisableTorchFunction():
            recorder.leave(frame, (args, kwargs), result)
        return result

    def watched_apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        result = apply.__get__(None, cls)(*args, **kwargs)
        if threading.get_ident() == thread:
            with torch._C.DisableTorchFunction():
                recorder.bridge((args, kwargs), result)
        return result

    try:
        nn.Module.__call__ = watched_call  # type: ignore[method-assign]
        torch.autograd.Function.apply = classmethod(watched_apply)  # type: ignore[assignment,method-assign]
        yield
    finally:
        nn.Module.__call__ = call  # type: ignore[method-assign]
        torch.autograd.Function.apply = apply  # type: ignore[method-assign]


@contextmanager
def _uncompiled() -> Iterator[None]:
    """Compiled parts run as the Python that they were made from: Dynamo cannot trace a tracer.

    Only if Dynamo is there already: importing it costs a second.
    """
    if "torch._dynamo" not in sys.modules:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection meanwhile: thousands of nodes would set off rounds through all of torch."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
