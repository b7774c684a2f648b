"""Which call builds the model that an expression means, and whether that model has batch norm."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.layers import class_depends_on_mode, depends_on_mode, torch_layer
from evalcheck.source.normalisation.norm_layers import holds_batch_norm
from evalcheck.source.values import (
    argument,
    assigned,
    is_parameter,
    is_self,
    literal,
    self_attributes,
    within,
)
from evalcheck.source.words import each

# Methods that give back the model that they are called on, and calls that wrap or copy a given one.
_SAME = each("to cuda cpu float half double eval train requires_grad_ share_memory type bfloat16")
_AROUND = each("deepcopy copy DistributedDataParallel DataParallel DDP compile AveragedModel prepare_model")
_CONVOLUTIONAL = re.compile(
    r"(?:wide_)?res(?:net|next)|densenet|mobilenet|mnasnet|efficientnet|inception|googlenet|shufflenet|regnet|"
    r"\w+_bn$|(?:tf_|se|ese_)*(?:resnet|efficientnet|mobilenet|xception|hrnet|rexnet|ghostnet|res2net|dla\d)"
)
_WITHOUT = re.compile(r"alexnet$|squeezenet|vgg\d+$|vit_|deit|swin_|convnext|mixer_|beit|eva\d*_")
_DEEPEST = 7


def origins(
    file: SourceFile, node: ast.expr, steps: int = _DEEPEST, seen: frozenset[ast.AST] = frozenset()
) -> Iterator[tuple[SourceFile, ast.Call | None]]:
    """The calls that build what an expression means, with their files; None where one cannot be seen."""
    if node in seen or not steps:
        return
    seen |= {node}
    if isinstance(node, ast.Call):
        inner = _inner(file, node)
        if inner is not None:
            yield from origins(file, inner, steps - 1, seen)
            return
        returned = _returned(file, node)
        for there, value in returned:
            yield from origins(there, value, steps - 1, seen)
        if not returned:
            yield file, node
        return
    given = list(_given(file, node))
    for there, value in given:
        yield from origins(there, value, steps - 1, seen)
    if not given:
        yield file, None


def _inner(file: SourceFile, call: ast.Call) -> ast.expr | None:
    """The model that a call hands on."""
    func = call.func
    if isinstance(func, ast.Attribute) and func.attr in _SAME and file.resolve(func) is None:
        return func.value
    tail = (file.resolve(func) or tail_of(func)).rpartition(".")[2]
    if tail in _AROUND or tail == "convert_sync_batchnorm":
        return argument(call, 0, "module", "model")
    return None


def _returned(file: SourceFile, call: ast.Call) -> list[tuple[SourceFile, ast.expr]]:
    """What a function of the project gives back, where a call reaches one."""
    info = file.callee(call) if file.classes.named(call.func) is None else None
    if info is None:
        return []
    found = [n.value for n in within(info.node) if isinstance(n, ast.Return) and n.value is not None]
    return [(info.file, value) for value in found]


def _given(file: SourceFile, node: ast.expr) -> Iterator[tuple[SourceFile, ast.expr]]:
    if isinstance(node, ast.Name):
        if is_parameter(file, node):
            yield from _passed(file, node)
        for value in assigned(file, node):
            yield file, value
    elif isinstance(node, ast.IfExp):
        yield file, node.body
        yield file, node.orelse
    elif isinstance(node, ast.Attribute):
        owner, info = file.class_of(node), file.functions.method_around(node)
        if node.attr == "module" and not is_self(node.value, info.receiver if info else None):
            yield file, node.value
        elif owner is not None and info is not None and is_self(node.value, info.receiver):
            for _, value in self_attributes(file, owner).get(node.attr, []):
                yield file, value


def _passed(file: SourceFile, name: ast.Name) -> Iterator[tuple[SourceFile, ast.expr]]:
    """What the file's own calls pass for a parameter."""
    info = file.functions.by_node.get(file.names.binder(name) or file.tree) if file else None
    if info is None:
        return
    for call in calls_of(file, info):
        value = passed(call, info, name.id)
        if value is not None:
            yield file, value


def calls_of(file: SourceFile, info: FunctionInfo) -> list[ast.Call]:
    """The calls of this file that run a function; those of its class for an ``__init__``.

    A method that no other function shares its name with is known by that name.
    """
    if info.name == "__init__" and info.owner is not None:
        return [call for call in file.every_call() if file.classes.named(call.func) is info.owner]
    found = file.functions.callers(info)
    if found or info.owner is None or sum(f.name == info.name for f in file.functions) > 1:
        return found
    return [call for call in file.every_call() if getattr(call.func, "attr", "") == info.name]


def passed(call: ast.Call, info: FunctionInfo, name: str) -> ast.expr | None:
    """What a call passes for a parameter of the function that it runs."""
    every = [one for one in info.parameters if one != info.receiver]
    return argument(call, every.index(name), name) if name in every else None


def has_batch_norm(file: SourceFile, node: ast.expr) -> bool | None:
    """Whether a model has batch norm: for certain, certainly not, or None where it cannot be told."""
    verdicts = {_verdict(there, call) if call is not None else None for there, call in origins(file, node)}
    return verdicts.pop() if len(verdicts) == 1 else None


def _verdict(file: SourceFile, call: ast.Call) -> bool | None:
    if holds_batch_norm(file, call) is not None:
        return True
    owner = file.classes.named(call.func)
    if owner is not None:
        return _class_verdict(owner)
    name = file.resolve(call.func) or ""
    if name.startswith("torchvision.models.") or name in ("timm.create_model", "torch.hub.load"):
        place = 1 if name == "torch.hub.load" else 0
        said = literal(argument(call, place, "model_name", "model"))
        known = name.rpartition(".")[2] if name.startswith("torchvision.") else str(said)
        return True if _CONVOLUTIONAL.match(known) else False if _WITHOUT.match(known) else None
    if torch_layer(file, call) is not None:
        calls = [n for n in within(call) if isinstance(n, ast.Call)]
        if all(torch_layer(file, c) and depends_on_mode(file, c) is not None for c in calls):
            return False
    return None


def same_in_both_modes(file: SourceFile, node: ast.expr) -> bool:
    """Whether all that a model may be certainly behaves the same in train and in eval mode."""
    found = [(there, call) for there, call in origins(file, node) if call is not None]
    return bool(found) and all(_without_mode(there, call) for there, call in found)


def _without_mode(file: SourceFile, call: ast.Call) -> bool:
    owner = file.classes.named(call.func)
    if owner is not None:
        return class_depends_on_mode(owner) is False
    return torch_layer(file, call) is not None and depends_on_mode(file, call) is False


def _class_verdict(owner: ClassInfo) -> bool | None:
    """A class that is the same in both modes has no batch norm."""
    return False if class_depends_on_mode(owner) is False else None


def tail_of(node: ast.AST) -> str:
    """The last name of an expression: ``ema`` for ``self.ema`` and ``ema``; a wrapper's ``module`` aside."""
    if isinstance(node, ast.Attribute):
        return tail_of(node.value) if node.attr == "module" and tail_of(node.value) != "self" else node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return tail_of(node.args[0])  # unwrap(model)
    return node.id if isinstance(node, ast.Name) else ""
