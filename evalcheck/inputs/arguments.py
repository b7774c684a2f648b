"""What the parameters of a model's forward are called, and what their names promise."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import torch
from torch import nn

from evalcheck.inputs.spec import SAMPLES, STEPS, Spec, constant, floats, ids

N, T = SAMPLES, STEPS

# A graph's nodes are not samples, and its edges cannot be made up so that they mean something.
GRAPHS = re.compile(
    r"edge_index|edge_attr|adj(_t|acency.*)?|graphs?|g|edges|bg|blocks|point_cloud|coords_batch"
)
TIME = re.compile(r"t|ts|time|times|timesteps?|step|steps|sigma|noise_level|cond_time")
LENGTHS = re.compile(r"(.*_)?(lengths?|lens?|seq_?lens?|sizes)")
MASK = re.compile(r".*mask.*|.*padding.*")
IDS = re.compile(
    r"(.*_)?(ids?|tokens?|indices|index|idx|labels?|classes|class_labels?|y|user|users|item|items|cat)"
)


def required(model: nn.Module) -> tuple[list[inspect.Parameter], bool]:
    """The parameters that a call must give, and whether some of them go by keyword only.

    Where none is required (``x=None``, ``*inputs``), the first is what the model is about.
    """
    try:
        parameters = list(inspect.signature(forward(model)).parameters.values())
    except (TypeError, ValueError):
        return [inspect.Parameter("x", inspect.Parameter.POSITIONAL_OR_KEYWORD)], False
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    needed = [p for p in named if p.default is p.empty]
    if not needed:
        needed = named[:1] if named else [p for p in parameters if p.kind is p.VAR_POSITIONAL][:1]
    return needed, any(p.kind is p.KEYWORD_ONLY for p in needed)


def names(model: nn.Module) -> tuple[str, ...]:
    """All parameters of forward that have a name."""
    try:
        parameters = inspect.signature(forward(model)).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD))


def forward(model: nn.Module) -> Callable[..., object]:
    """The forward of the model, that of the wrapped one for DataParallel and compiled modules."""
    inner = getattr(model, "_orig_mod", None) or model
    if type(inner).__name__.endswith("DataParallel"):
        inner = inner.module
    found: Callable[..., object] = inner.forward
    return found


def promised(name: str) -> list[Spec]:
    """What a parameter of this name is, whatever the layers are; nothing where the name is silent."""
    if MASK.fullmatch(name):
        kinds = [torch.int64, torch.bool, torch.float32]
        hidden = constant(N, T, value=0, dtype=torch.bool)
        if "pad" in name:
            return [hidden, constant(N, T, value=1)]
        square = constant(T, T, value=0, dtype=torch.bool, batch=None)
        return [*(constant(N, T, value=1, dtype=kind) for kind in kinds), square]
    if LENGTHS.fullmatch(name):
        return [constant(N, value=T)]
    if TIME.fullmatch(name):
        return [ids(N, below=10), floats(N), floats(N, 1)]
    return []


def ids_by_name(name: str) -> list[Spec]:
    """Whole numbers for what is called like ids or labels, as a last resort."""
    return [ids(N, below=2), ids(N, T, below=2)] if IDS.fullmatch(name) else []
