"""Tries a call: does the model take it, which layer do the inputs reach first, how full are the norms."""

from __future__ import annotations

import contextlib
import sys
import time
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.utils._pytree import tree_iter

from evalcheck.batch import tree
from evalcheck.guard import untouched
from evalcheck.inputs import layers
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Hit, Odd, Outcome
from evalcheck.inputs.watch import Watch


def attempt(
    model: nn.Module, call: Call, *, training: bool = False, real: bool = False, until: float = float("inf")
) -> Outcome:
    """Call the model once and leave its buffers, modes and attributes as they were.

    ``until`` is a time of ``time.monotonic()``: a forward that is still running then is left at its
    next operation. Parameters are not copied for every trial: whoever searches holds a guard over them.
    """
    outcome = Outcome(samples=call.samples)
    generator = torch.Generator().manual_seed(0)
    place = next((t.device for t in model.parameters()), torch.device("cpu"))
    args, kwargs = call.made(lambda spec: spec.draw(generator).to(place) if real else spec.blank())
    named = dict(zip(call.slots, tree_iter((args, kwargs)), strict=True))
    watch = Watch(outcome, named, place, until)
    try:
        with untouched(model, parameters=False), torch.no_grad(), _quiet(), _hits(model, watch):
            model.train(training)
            started = time.monotonic()
            with watch:
                result = model(*args, **kwargs)
            outcome.seconds = time.monotonic() - started if real else None
        outcome.error = _odd(result, call.samples)
    except Exception as error:
        outcome.error = error
        outcome.able = real or not _is_of_meta(error)
    except SystemExit as error:
        outcome.error = error
    return outcome


def _odd(result: Any, samples: int) -> Odd | None:
    """Samples that fell to pieces: ``view(-1, 512)`` of too large a picture makes several rows of one."""
    shapes = [t.shape for _, t in tree.leaves(result) if t.is_floating_point() and t.ndim > 0]
    if not shapes or any(samples in shape[:2] for shape in shapes):
        return None
    rows = max(shape[0] for shape in shapes)
    return Odd(rows // samples) if rows > samples and rows % samples == 0 else None


@contextlib.contextmanager
def _hits(model: nn.Module, watch: Watch) -> Iterator[None]:
    """Note the first telling layer that each input reaches."""
    paths = {id(module): path for path, module in model.named_modules()}

    def look(module: nn.Module, args: tuple[Any, ...]) -> None:
        for tensor in args:
            name = watch.root(tensor) if isinstance(tensor, Tensor) else None
            if name is not None and name not in watch.outcome.hits:
                path = paths.get(id(module), type(module).__name__)
                if layers.takes(path, module):
                    watch.outcome.hits[name] = Hit(path, module, tuple(tensor.shape))

    # A hook on all modules, not on the model's: its own hooks stay as they are.
    handle = register_module_forward_pre_hook(look)
    try:
        yield
    finally:
        handle.remove()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        if "torch._dynamo" in sys.modules:
            with torch.compiler.set_stance("force_eager"):
                yield
        else:
            yield


def _is_of_meta(error: Exception) -> bool:
    """Whether values were asked for that the meta device does not have, or another device's own code."""
    text = str(error)
    return isinstance(error, NotImplementedError) or "meta" in text.lower() or "numpy" in text
