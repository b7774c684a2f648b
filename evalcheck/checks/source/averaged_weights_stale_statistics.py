"""A model of averaged weights that is used with the statistics of other weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.data.loaders import bound_name
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.model_uses import evaluated, saved
from evalcheck.source.models import has_batch_norm
from evalcheck.source.values import argument, keyword, literal, unpacks

AVERAGED = "torch.optim.swa_utils.AveragedModel"
# Words of code that renews the statistics, or copies them.
RENEWED = ("update_bn", "bn_update", "buffers(", "running_mean", "recalibrat", "precise_bn", "PreciseBN")


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each AveragedModel that is evaluated or saved, and whose statistics nobody renews."""
    if file.mentions(*RENEWED) or is_unit_test(file):
        return
    for call in list(file.every_call()):
        if file.resolve(call.func) != AVERAGED or _keeps_buffers(call):
            continue
        name, model = bound_name(file, call), argument(call, 0, "model")
        used = evaluated(file, {name}) or saved(file, {name}) if name else None
        known = has_batch_norm(file, model) if model is not None else None
        if used is None or known is False:
            continue
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=(
                "AveragedModel averages the weights, but its batch norms hold the statistics of the last "
                "weights that were trained, which are not those of the average: call "
                "torch.optim.swa_utils.update_bn(train_loader, model) before it is evaluated or saved."
            ),
            evidence=(Quote(file.place(used), "it is used here"),),
            strength="usual" if known and not _moving(call) else "slight",
        )


def _keeps_buffers(call: ast.Call) -> bool:
    """Whether the buffers are averaged as well, or that cannot be told."""
    said = argument(call, 4, "use_buffers")
    return unpacks(call) or (said is not None and literal(said) is not False)


def _moving(call: ast.Call) -> bool:
    """An exponential average of late weights: close to the model that the statistics are of."""
    return len(call.args) > 2 or keyword(call, "avg_fn", "multi_avg_fn") is not None
