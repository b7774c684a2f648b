"""Which constructors of torch build what: state to keep, a behaviour by mode, neither."""

from __future__ import annotations

import ast
import re

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.index import Function
from evalcheck.source.values import argument, keyword, literal, within

_STATEFUL = re.compile(
    r"(?:Lazy)?(?:Linear|Bilinear|Conv(?:Transpose)?[123]d|BatchNorm[123]d|InstanceNorm[123]d)$|"
    r"(?:SyncBatchNorm|LayerNorm|GroupNorm|RMSNorm|Embedding|EmbeddingBag|LSTM|GRU|RNN|LSTMCell|GRUCell|"
    r"RNNCell|MultiheadAttention|PReLU|Transformer\w*)$"
)
_DROPOUT = re.compile(r"(?:Alpha|FeatureAlpha)?Dropout[123]?d?$|RReLU$")
_SAYS_NOISE_OR_NORM = re.compile(r"drop|batch_?norm|(?<![a-z])bn", re.I)
_BATCH_NORM = re.compile(r"(?:Lazy)?BatchNorm[123]d$|SyncBatchNorm$")
CONTAINERS = frozenset(f"torch.nn.{n}" for n in ("Sequential", "ModuleList", "ModuleDict"))


def torch_layer(file: SourceFile, call: ast.Call) -> str | None:
    """The class name of a ``torch.nn`` layer that a call builds."""
    name = file.resolve(call.func)
    if name is None or not name.startswith("torch.nn.") or ".functional." in name:
        return None
    tail = name.rpartition(".")[2]
    return tail if tail[:1].isupper() else None


def keeps_something(file: SourceFile, call: ast.Call) -> bool:
    """Whether a call builds a module with parameters, buffers or a mode, for certain."""
    layer = torch_layer(file, call)
    if layer is not None:
        if layer in ("Sequential", "ModuleList", "ModuleDict"):
            return any(
                isinstance(n, ast.Call) and keeps_something(file, n) for a in call.args for n in within(a)
            )
        return bool(_STATEFUL.match(layer) or _DROPOUT.match(layer))
    name = file.resolve(call.func) or ""
    if name.startswith("torchvision.models.") and not name.rpartition(".")[2][:1].isupper():
        return "weights" not in name
    if name == "timm.create_model":
        return True
    here = file.classes.named(call.func)
    return here is not None and here.is_module and class_keeps_something(here)


def class_keeps_something(owner: ClassInfo) -> bool:
    """Whether an ``__init__`` of a class puts parameters, buffers or such layers on the module."""
    if owner.keeps is None:
        owner.keeps = False  # what a class says of itself while it is being asked
        owner.keeps = _keeps(owner)
    return owner.keeps


def _keeps(owner: ClassInfo) -> bool:
    for one in owner.lineage():
        init, file = one.methods.get("__init__"), one.file
        for call in file.calls_in(init) if init else ():
            name = file.resolve(call.func) or ""
            if name == "torch.nn.Parameter" or getattr(call.func, "attr", "") == "register_buffer":
                return True
            if file.classes.named(call.func) is not owner and keeps_something(file, call):
                return True
    return False


def depends_on_mode(file: SourceFile, call: ast.Call) -> bool | None:
    """Whether a layer behaves otherwise in eval mode: yes, no, or None where it cannot be told."""
    layer = torch_layer(file, call)
    if layer is None:
        name = file.resolve(call.func) or ""
        return True if name.startswith("torchvision.models.") else None
    if _DROPOUT.match(layer):
        return _rate(argument(call, 0, "p"), default=True)
    if _BATCH_NORM.match(layer):
        return literal(keyword(call, "track_running_stats")) is not False
    if layer in ("LSTM", "GRU", "RNN"):
        layers = literal(argument(call, 2, "num_layers") or ast.Constant(1))
        return False if layers == 1 else _rate(keyword(call, "dropout"), default=False)
    if layer in ("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer"):
        return _rate(keyword(call, "dropout"), default=True)
    if layer == "MultiheadAttention":
        return _rate(argument(call, 2, "dropout"), default=False)
    return False


def _rate(node: ast.expr | None, default: bool) -> bool | None:
    """Whether a dropout rate is above zero; a rate that is not a literal may be zero."""
    if node is None:
        return default
    value = literal(node)
    if isinstance(value, (int, float)):
        return value > 0
    return None


def class_depends_on_mode(owner: ClassInfo) -> bool | None:
    """Whether modules of a class behave otherwise in eval mode: yes, no, or None if it may be."""
    if not owner.modes:
        owner.modes = (False,)
        owner.modes = (_modes(owner),)
    return owner.modes[0]


def speaks_of_dropout_or_norm(owner: ClassInfo, steps: int = 3) -> bool:
    """Whether a class, or one that it builds a part of, has to do with dropout or batch norm at all."""
    for one in owner.lineage():
        if one.unknown_bases or _SAYS_NOISE_OR_NORM.search(one.file.said(one.node)):
            return True
        init = one.methods.get("__init__")
        for call in one.file.calls_in(init) if init and steps else ():
            part = one.file.classes.named(call.func)
            if part is not None and part is not owner and speaks_of_dropout_or_norm(part, steps - 1):
                return True
    return False


def _modes(owner: ClassInfo) -> bool | None:
    verdict: bool | None = False
    for base in owner.outer_bases:
        if not base.startswith(("torch.nn.Module", "abc.", "typing.", "torch.nn.Sequential")):
            verdict = None
    for one in owner.lineage():
        verdict, file = None if one.unknown_bases else verdict, one.file
        for method in one.methods.values():
            if method.name not in ("train", "eval") and _looks_at_mode(file, method):
                return True
            for call in file.calls_in(method):
                found = _layer_verdict(file, call, method, owner)
                if found is True:
                    return True
                verdict = None if found is None else verdict
    return verdict


def _looks_at_mode(file: SourceFile, method: Function) -> bool:
    return any(node.attr == "training" for node in file.index.attributes.get(method, ()))


def _layer_verdict(file: SourceFile, call: ast.Call, method: Function, owner: ClassInfo) -> bool | None:
    """What one call in a class says about the mode; only what is built for certain says yes."""
    here = file.classes.named(call.func)
    if here is not None:
        if here is owner or not here.may_be_module:
            return False
        found = class_depends_on_mode(here)
    elif torch_layer(file, call) or (file.resolve(call.func) or "").startswith("torchvision.models."):
        found = depends_on_mode(file, call)
    else:
        return None if _may_build(file, call, method) else False
    sure = not any(isinstance(a, (ast.If, ast.IfExp)) for a in _until(file, call, method))
    return found if found is not True or sure else None


def _may_build(file: SourceFile, call: ast.Call, method: Function) -> bool:
    """Whether a call of something imported could build a layer: a class, or a factory, in ``__init__``."""
    if method.name != "__init__":
        return False
    name = file.resolve(call.func)
    if name is None:
        return isinstance(call.func, ast.Name) and file.callee(call) is None and call.func.id[:1].isupper()
    root = name.split(".")[0]
    return root not in ("torch", "math", "numpy", "typing", "functools", "itertools", "collections", "copy")


def _until(file: SourceFile, node: ast.AST, stop: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for outer in file.ancestors(node):
        if outer is stop:
            break
        found.append(outer)
    return found
