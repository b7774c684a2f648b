"""A checkpoint that is loaded though keys may be missing, and nobody looks which."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.checkpoints import LooseLoad, loose_loads
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.model_uses import told_eval
from evalcheck.source.models import has_batch_norm, tail_of
from evalcheck.source.values import is_self


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each loose load of a checkpoint whose result is thrown away."""
    if is_unit_test(file):
        return
    for load in loose_loads(file):
        used = _used_at_once(load)
        harmful = used is not None and _may_have_batch_norm(load)
        yield Sighting(
            layer="source",
            place=file.place(load.call),
            message=(
                "strict=False loads what fits and says nothing of the rest, and the result is thrown away: "
                "weights or batch-norm statistics that are missing stay at their start, and evaluation is "
                "worse without any error. Load strictly, or look at missing_keys of the result."
            ),
            evidence=(Quote(file.place(used), "it is put in eval mode here"),) if used is not None else (),
            strength="usual" if harmful else "slight",
        )


def _used_at_once(load: LooseLoad) -> ast.Call | None:
    """The ``eval()`` of the same model after the load, in the same function: weights for inference."""
    found = told_eval(load.file, {tail_of(load.model)}, load.around)
    return found if found is not None and found.lineno >= load.call.lineno else None


def _may_have_batch_norm(load: LooseLoad) -> bool:
    file, owner = load.file, load.file.class_of(load.call)
    info = file.functions.method_around(load.call)
    if info is not None and owner is not None and is_self(load.model, info.receiver):
        return "BatchNorm" in file.said(owner.node)
    return has_batch_norm(file, load.model) is not False
