"""Says in plain words what was made up and from what, and what is missing where nothing could be."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from evalcheck.inputs import arguments, layers
from evalcheck.inputs.call import Call
from evalcheck.inputs.outcome import Outcome, TooSlow
from evalcheck.inputs.spec import Spec

CONFIGURATION, LAYERS = "the model's configuration", "the layers"
OPTION = "--input"
GIVEN = "random numbers of the given shape"
WAY_OUT = "pass --loader or --input (such as --input 8x3x224x224)"


def origin(source: str, call: Call, model: nn.Module, stale: Sequence[str]) -> str:
    """Where the input comes from, for the report's note."""
    told = _from_layers(call, model) if source == LAYERS else source
    if source.endswith("_cfg") and any(spec.free for spec in call.slots.values()):
        told += ", smaller than declared because the model takes that too"
    if any(spec.batch == 1 for spec in call.slots.values()):
        told += ", time first and the samples along the second axis"
    return told + "".join(f"; what {name} declares does not fit the model" for name in stale)


def _from_layers(call: Call, model: nn.Module) -> str:
    paths = list(dict.fromkeys(spec.layer for spec in call.slots.values() if spec.layer is not None))
    if not paths:
        return "tried out, for no layer tells what it takes"
    modules = dict(model.named_modules())
    named = [f"{path or 'model'}: {_short(modules.get(path))}" for path in paths[:3]]
    noun = "the first layer" if len(named) == 1 else "the first layers"
    told = f"from {noun} {', '.join(named)}, tried out"
    for path in paths:
        if (width := layers.chosen(modules.get(path))) is not None:
            what = "features" if width == layers.FEATURES else "channels"
            told += f"; {path or 'it'} is lazy: its number of {what} is unknown, and {width} was chosen"
    return told


def _short(module: nn.Module | None) -> str:
    text = " ".join(repr(module).split())
    return text if len(text) <= 60 else f"{type(module).__name__}"


def missing(model: nn.Module, failure: Outcome | None, stale: Sequence[str]) -> str:
    """Why there is no input, and the way out."""
    names = [p.name for p in arguments.required(model)[0]]
    graphs = [name for name in names if arguments.GRAPHS.fullmatch(name)]
    if graphs:
        return f"no loader, and a graph ({', '.join(graphs)}) cannot be made up: pass --loader"
    why = "nothing tells what an input looks like"
    if failure is not None and isinstance(failure.error, TooSlow):
        why = str(failure.error)
    elif failure is not None:
        why = f"no input that was made up fits the model ({failure.reason.rstrip('.')})"
    if stale:
        why = f"the input that the model declares ({', '.join(stale)}) does not fit it; {why}"
    return f"no loader, and {why}: {way_out(model, failure)}"


def way_out(model: nn.Module, failure: Outcome | None = None) -> str:
    """What to pass, with a shape of the kind that the first layer takes: the one met, else the one listed."""
    hits = failure.hits.values() if failure is not None else ()
    met = [(hit.path, hit.module) for hit in hits] or [*layers.first(model)]
    spec = next((spec for path, module in met for spec in layers.takes(path, module)), None)
    if spec is None or 0 in spec.shape:
        return WAY_OUT
    return f"pass --loader or --input (such as {OPTION} {_shape(spec)})"


def _shape(spec: Spec) -> str:
    sizes = "x".join(map(str, spec.shape))
    return sizes if spec.dtype.is_floating_point else f"{sizes}:int64<{spec.high}"
