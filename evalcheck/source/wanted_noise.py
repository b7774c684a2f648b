"""Noise that people want in evaluation too, by what they say of it."""

from __future__ import annotations

import ast

from evalcheck.source import words
from evalcheck.source.classes import MODULE_TAILS, ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo

_LOSS = frozenset(("loss", "losses", "criterion"))


def wanted(file: SourceFile, node: ast.AST, function: FunctionInfo, owner: ClassInfo) -> bool:
    """Whether names, docstrings or comments say that the noise is meant, or the class sees to it."""
    if sees_to_modes(owner):
        return True
    classes = {owner, file.class_of(node) or owner}
    if any(_LOSS & set(words.parts(one.name)) for one in classes):
        return True
    texts = [file.said(node), file.lines.line(getattr(node, "lineno", 1) - 1), *said_around(file, function)]
    for one in classes:
        texts += [one.name, ast.get_docstring(one.node, clean=False) or ""]
    return any(words.MEANT.search(text) for text in texts)


def sees_to_modes(owner: ClassInfo) -> bool:
    """Whether a framework runs the class, or it overrides what sets its mode; the base of a library may."""
    if owner.of_framework:
        return True
    own = [one for one in owner.lineage() if one.name not in MODULE_TAILS]
    return any(name in one.methods for one in own for name in ("train", "eval"))


def said_around(file: SourceFile, function: FunctionInfo) -> list[str]:
    """The names and the docstring around a piece of code: function, file and folder."""
    return [function.name, function.docstring, *file.path.replace("\\", "/").split("/")[-2:]]
