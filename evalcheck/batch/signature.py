"""What a model's forward takes: names, how many arguments, and whether it wants a mapping as it is."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from typing import Any

from torch import nn

# Annotations such as ``dict[str, Tensor]``, ``Mapping`` and ``TensorDict``, and names that say the same.
MAPPING = re.compile(r"\bdict\b|(?:\b|[a-z])(?:Dict|Mapping)\b")
WHOLE = re.compile(r"batch|sample|.*_dict")


@dataclass(frozen=True)
class Signature:
    """``required`` and ``accepted`` count positional arguments; ``keywords`` says that ``**kwargs`` is there.

    ``whole`` says that the first parameter is annotated or called like a mapping of everything.
    """

    names: tuple[str, ...] = ()
    required: int = 1
    accepted: float = 1
    keywords: bool = False
    whole: bool = False


def signature(model: nn.Module) -> Signature:
    """Of the model's forward, that of the wrapped module for DataParallel."""
    module: Any = getattr(model, "module", model) if type(model).__name__.endswith("Parallel") else model
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except (TypeError, ValueError):
        return Signature()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = sum(p.default is p.empty for p in positional)
    star = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return Signature(
        names=tuple(p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)),
        required=max(required, 1),
        # A bare forward(*inputs) says nothing: one input is what it nearly always gets.
        accepted=len(positional) if positional or not star else 1,
        keywords=any(p.kind is p.VAR_KEYWORD for p in parameters),
        whole=bool(positional) and required <= 1 and _is_mapping(positional[0]),
    )


def _is_mapping(parameter: inspect.Parameter) -> bool:
    kind = parameter.annotation
    if kind is parameter.empty:
        return bool(WHOLE.fullmatch(parameter.name))
    if isinstance(kind, type) and not hasattr(kind, "__args__"):
        return issubclass(kind, dict) or bool(MAPPING.search(kind.__name__))
    return bool(MAPPING.search(str(kind)))
