"""Datasets that change their samples at random: by a pipeline, or by a switch for augmentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.data.loaders import name_of
from evalcheck.source.data.pipelines import random_parts
from evalcheck.source.file import SourceFile
from evalcheck.source.reaching import reaching
from evalcheck.source.values import UNKNOWN, literal

_SWITCH = re.compile(r"^(?:(?:use|do|with|is|apply)_)?(?:data_)?(?:augment(?:ation|ations|ed)?|aug)$")
_TAKES = re.compile(r"transform|tfm|augment|pipeline|preprocess", re.I)
_FOR_TRAINING = re.compile(
    r"(?:^|_)train(?:ing)?_?\w*(?:tf|trans|tfm|aug|prep)|(?:trans|tfm|aug)\w*_train|augment"
)


@dataclass(frozen=True, eq=False)
class Augmentation:
    """What makes a dataset random. ``certain`` where it can be seen to draw."""

    node: ast.expr
    what: str
    certain: bool


def augmentations(file: SourceFile, dataset: ast.expr) -> Iterator[Augmentation]:
    """What makes the dataset that an expression means random, the surest first."""
    call = reaching(file, dataset) if isinstance(dataset, (ast.Name, ast.Attribute)) else dataset
    if not isinstance(call, ast.Call):
        return
    given = [*call.args, *(k.value for k in call.keywords)]
    for part in (part for item in given for part in random_parts(file, item)):
        yield Augmentation(part, name_of(part.func), True)
    for item in call.keywords:
        if item.arg and _SWITCH.match(item.arg) and _may_be_on(item.value):
            yield Augmentation(item.value, f"{item.arg}={ast.unparse(item.value)}", True)
    for item in call.keywords:
        said = item.arg and _TAKES.search(item.arg) and _FOR_TRAINING.search(name_of(item.value))
        if said and reaching(file, item.value) is None:
            yield Augmentation(item.value, name_of(item.value), False)


def _may_be_on(node: ast.expr) -> bool:
    """True, or a setting that is read from somewhere; not a switch by the split."""
    value = literal(node)
    if value is not UNKNOWN:
        return value is True
    return isinstance(node, (ast.Name, ast.Attribute, ast.Subscript))
