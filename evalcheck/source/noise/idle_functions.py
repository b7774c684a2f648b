"""Calls of functions that are off unless they are told that the model trains."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.file import SourceFile
from evalcheck.source.forwards import in_reach, run_by_forward
from evalcheck.source.gates import gated
from evalcheck.source.noise.wanted_noise import said_around, sees_to_modes
from evalcheck.source.values import argument, is_self, keyword, unpacks

# Where each of them takes the mode.
_POSITIONS = {"alpha_dropout": 2, "feature_alpha_dropout": 2, "rrelu": 3, "batch_norm": 5}
_NAMES = {f"torch.nn.functional.{name}": name for name in _POSITIONS}
# What never trains on purpose.
_STILL = re.compile(r"froz|freeze|fixed|infer|eval|fold|export|onnx|static|deploy|test", re.I)


def idle_calls(file: SourceFile) -> Iterator[tuple[ast.Call, str]]:
    """Such calls in what a forward runs, with the name of the function."""
    for call in file.every_call():
        name = _NAMES.get(file.resolve(call.func) or "")
        if name is None or _told(call, name) or unpacks(call):
            continue
        function, entry = file.function_of(call), in_reach(file, call)
        if function is None or entry is None or gated(file, call, strict=True):
            continue
        owner = run_by_forward(file)[entry]
        if sees_to_modes(owner) or any(_STILL.search(t) for t in (owner.name, *said_around(file, function))):
            continue
        if name != "batch_norm" or _own_statistics(file, call):
            yield call, name


def _told(call: ast.Call, name: str) -> bool:
    return len(call.args) > _POSITIONS[name] or keyword(call, "training") is not None


def _own_statistics(file: SourceFile, call: ast.Call) -> bool:
    """Whether the running statistics are buffers of the module, and no other code moves them."""
    method = file.functions.method_around(call)
    mean = argument(call, 1, "running_mean")
    if method is None or method.owner is None or not isinstance(mean, ast.Attribute):
        return False
    if not is_self(mean.value, method.receiver):
        return False
    uses = [
        use
        for one in method.owner.lineage()
        for scope in one.methods.values()
        for use in one.file.index.attributes.get(scope, ())
        if use.attr == mean.attr and scope.name not in ("__init__", "reset_parameters", "reset_running_stats")
    ]
    return all(isinstance(file.parent(use), (ast.Call, ast.keyword)) for use in uses)
