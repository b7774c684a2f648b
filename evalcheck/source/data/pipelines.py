"""Pipelines of transforms, followed through variables to the dataset that takes them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from evalcheck import transforms
from evalcheck.source.file import SourceFile
from evalcheck.source.reaching import reaching, returned
from evalcheck.source.values import UNKNOWN, literal

_STEPS = 8


def random_parts(file: SourceFile, node: ast.expr, steps: int = _STEPS) -> Iterator[ast.Call]:
    """The transforms of a pipeline that draw random numbers, for certain."""
    if steps == 0:
        return
    if isinstance(node, (ast.List, ast.Tuple)):
        for item in node.elts:
            yield from random_parts(file, item, steps - 1)
    elif isinstance(node, ast.Starred):
        yield from random_parts(file, node.value, steps - 1)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        yield from random_parts(file, node.left, steps - 1)
        yield from random_parts(file, node.right, steps - 1)
    elif isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        value = reaching(file, node)
        if value is not None:
            yield from random_parts(file, value, steps - 1)
    elif isinstance(node, ast.Call):
        yield from _of_call(file, node, steps)


def _of_call(file: SourceFile, call: ast.Call, steps: int) -> Iterator[ast.Call]:
    name = file.resolve(call.func)
    if name is None or (transforms.library(name) is None and name.split(".")[0] != "torch"):
        value = returned(file, call)
        if value is not None:
            yield from random_parts(file, value, steps - 1)
        return
    tail = name.rpartition(".")[2]
    known = transforms.library(name) is not None
    if tail in transforms.CONTAINERS and (known or name == "torch.nn.Sequential"):
        held = [*call.args, *(k.value for k in call.keywords if k.arg in ("transforms", "args"))]
        for item in held:
            yield from random_parts(file, item, steps - 1)
    elif tail in transforms.CHOOSERS and known:
        if arguments(call, ()).get("p", 0.5) != 0:
            yield call
    elif transforms.is_random(name, arguments(call, transforms.parameters(name))):
        yield call


def arguments(call: ast.Call, positional: tuple[str, ...]) -> dict[str, object]:
    """The arguments whose values are literals; those without a known value are left out."""
    given = {k.arg: literal(k.value) for k in call.keywords if k.arg}
    given.update(zip(positional, (literal(a) for a in call.args), strict=False))
    return {name: ("unknown" if value is UNKNOWN else value) for name, value in given.items()}
