"""Channel-wise dropouts of which the source shows the shape of what they get."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.layers import torch_layer
from evalcheck.source.values import argument, block_of, is_self, literal, self_attributes
from evalcheck.source.words import each

CHANNELWISE = re.compile(r"(?:Feature)?[Dd]ropout([123])d$")
# Layers and functions that leave the shape as it is.
_KEEPING = each(
    "ReLU GELU SiLU ELU SELU CELU LeakyReLU PReLU ReLU6 Hardswish Hardtanh Sigmoid Tanh Softplus Mish "
    "Identity Dropout AlphaDropout LogSoftmax Softmax"
)
_KEEPING_CALLS = each(
    "relu gelu silu elu selu leaky_relu tanh sigmoid softplus hardswish mish relu_ dropout contiguous clone "
    "float half to detach softmax"
)
# What comes out of a layer: its features stand last, or it is an image or a signal of so many dimensions.
_MAKERS = {
    **dict.fromkeys(each("Linear LazyLinear Bilinear"), "linear"),
    **dict.fromkeys(each("Embedding LSTM GRU"), "sequence"),
    "Flatten": "flat",
    **{f"{k}{n}d": f"{n}d" for n in (1, 2, 3) for k in each("Conv ConvTranspose LazyConv MaxPool AvgPool")},
    **{f"BatchNorm{n}d": f"{n}d" for n in (2, 3)},
}
_STEPS = 12


@dataclass(frozen=True)
class Misfit:
    """A dropout over ``dimensions`` spatial ones, where it is, what feeds it, and whether it matters."""

    place: ast.expr
    dimensions: int
    fed: str
    harmless: bool


def misfits(file: SourceFile) -> Iterator[Misfit]:
    """Such dropouts in sequences that are written out, and in the methods of modules."""
    for call in file.every_call():
        if file.resolve(call.func) == "torch.nn.Sequential":
            yield from _in_sequence(file, call)
        else:
            yield from _in_method(file, call)


def _judged(place: ast.expr, dimensions: int, fed: str | None) -> Misfit | None:
    """Where the shape fits, or where people use what torch makes of it: nothing."""
    if fed in ("linear", "sequence", "flat"):
        return Misfit(place, dimensions, fed, harmless=dimensions == 2 and fed != "sequence")
    if fed is not None and (dimensions, fed) in ((1, "2d"), (1, "3d"), (3, "1d"), (3, "2d")):
        return Misfit(place, dimensions, fed, harmless=False)
    return None


def _dimensions(file: SourceFile, call: ast.Call) -> int | None:
    """Of a call that builds a channel-wise dropout with a rate above zero."""
    found = CHANNELWISE.match(torch_layer(file, call) or "")
    return int(found[1]) if found and literal(argument(call, 0, "p")) != 0 else None


def _after(file: SourceFile, layer: ast.expr, fed: str | None) -> str | None:
    """What leaves a layer, by what enters it."""
    name = torch_layer(file, layer) if isinstance(layer, ast.Call) else None
    if name in _KEEPING or CHANNELWISE.match(name or ""):
        return fed
    if name in ("LayerNorm", "BatchNorm1d"):
        return fed if fed in ("linear", "flat") else None
    if name == "Flatten" and isinstance(layer, ast.Call) and (layer.args or layer.keywords):
        return "flat" if [literal(a) for a in layer.args] == [1] and not layer.keywords else None
    return _MAKERS.get(name or "")


def _in_sequence(file: SourceFile, call: ast.Call) -> Iterator[Misfit]:
    fed: str | None = None
    for layer in call.args:
        dimensions = _dimensions(file, layer) if isinstance(layer, ast.Call) else None
        if dimensions is not None and (found := _judged(layer, dimensions, fed)):
            yield found
        fed = _after(file, layer, fed)


def _in_method(file: SourceFile, call: ast.Call) -> Iterator[Misfit]:
    """A dropout that a method calls, as a function or as a layer that ``__init__`` keeps."""
    name = file.resolve(call.func) or ""
    as_function = (
        CHANNELWISE.match(name.rpartition(".")[2]) if name.startswith("torch.nn.functional.") else None
    )
    method = file.functions.method_around(call)
    owner = method.owner if method else None
    if not call.args or method is None or owner is None or not owner.is_module:
        return
    layer = None if as_function else _layer(file, call.func, method, owner)
    dimensions = int(as_function[1]) if as_function else _dimensions(file, layer) if layer else None
    if dimensions is None:
        return
    fed = _value(file, call.args[0], file.statement(call), method, owner, _STEPS)
    if (found := _judged(call, dimensions, fed)) is not None:
        yield found


def _layer(file: SourceFile, func: ast.expr, method: FunctionInfo, owner: ClassInfo) -> ast.Call | None:
    """The call that builds ``self.layer``, where it is built once and nowhere else."""
    if not isinstance(func, ast.Attribute) or not is_self(func.value, method.receiver):
        return None
    given = self_attributes(file, owner).get(func.attr, [])
    return given[0][1] if len(given) == 1 and isinstance(given[0][1], ast.Call) else None


def _value(
    file: SourceFile, node: ast.expr, at: ast.stmt, method: FunctionInfo, owner: ClassInfo, steps: int
) -> str | None:
    """What kind of value an expression holds at a statement, where the lines before it say so."""
    if steps == 0:
        return None
    if isinstance(node, ast.Name):
        given = _last_given(file, node, at)
        return _value(file, given[0], given[1], method, owner, steps - 1) if given else None
    if not isinstance(node, ast.Call):
        return None
    tail = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    function = (file.resolve(node.func) or "").startswith("torch.")
    inside = node.args[0] if function and node.args else getattr(node.func, "value", None)
    if tail == "flatten":
        rest = node.args[1:] if function else node.args
        return "flat" if [literal(a) for a in rest] == [1] and not node.keywords else None
    if tail in _KEEPING_CALLS and isinstance(inside, ast.expr) and not is_self(inside, method.receiver):
        return _value(file, inside, at, method, owner, steps - 1)
    layer = _layer(file, node.func, method, owner)
    if layer is None or len(node.args) != 1 or torch_layer(file, layer) in ("LSTM", "GRU"):
        return None
    return _after(file, layer, _value(file, node.args[0], at, method, owner, steps - 1))


def _last_given(file: SourceFile, name: ast.Name, at: ast.stmt) -> tuple[ast.expr, ast.stmt] | None:
    """What a plain assignment of the same block gave to a name last, if nothing between could change it."""
    block = block_of(file, at)
    before = block[: block.index(at)] if at in block else []
    for statement in reversed(before):
        stored = any(
            isinstance(one, ast.Name) and one.id == name.id and not isinstance(one.ctx, ast.Load)
            for one in ast.walk(statement)
        )
        if not stored:
            continue
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            plain = isinstance(statement.targets[0], ast.Name)
            return (statement.value, statement) if plain else None
        return None
    return None
