"""Noise that people want in evaluation too, by what they say of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source import words
from evalcheck.source.classes import MODULE_TAILS, ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import identifiers

_LOSS = frozenset(("loss", "losses", "criterion"))
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
# What a helper perturbs, it perturbs in evaluation too.
_PERTURBS = re.compile(r"random|perturb", re.I)
_BRANCHES = (ast.If, ast.IfExp, ast.While)


def wanted(file: SourceFile, node: ast.AST, function: FunctionInfo, owner: ClassInfo) -> bool:
    """Whether names, docstrings or comments declare that the noise is meant, or the class sees to it."""
    if sees_to_modes(owner):
        return True
    classes = {owner, file.class_of(node) or owner}
    if any(_LOSS & set(words.parts(one.name)) for one in classes):
        return True
    return declared(file, node, function, *classes)


def declared(file: SourceFile, node: ast.AST, function: FunctionInfo, *classes: ClassInfo) -> bool:
    """Whether people say in so many words that noise in evaluation is meant."""
    names = [function.name, *places(file), *_names_beside(file, node), *(one.name for one in classes)]
    if any(map(words.declared_by_name, names)):
        return True
    texts = [function.docstring, *(ast.get_docstring(one.node, clean=False) or "" for one in classes)]
    sentences = (" ".join(part.split()) for text in texts for part in _SENTENCE.split(text))
    return any(map(words.declares, (*comments(file, node), *sentences)))


def hinted(file: SourceFile, node: ast.AST, function: FunctionInfo, *classes: ClassInfo) -> bool:
    """Whether a name, the first line of a docstring or a comment makes it likelier that noise is meant."""
    beside = comments(file, node)
    if any(map(words.complains, beside)):
        return False
    if _PERTURBS.search(function.name) or "perturb" in function.docstring.lower():
        return True
    texts = [function.docstring, *(ast.get_docstring(one.node, clean=False) or "" for one in classes)]
    first = [text.strip().split("\n")[0] for text in texts]
    names = [function.name, *(one.name for one in classes)]
    return any(words.HINTS.search(text) for text in (*names, *first)) or any(map(words.hints, beside))


def comments(file: SourceFile, node: ast.AST) -> list[str]:
    """What comments say of a piece of code: those in its lines, and those that stand alone above it."""
    statement = file.statement(node)
    first, start = getattr(node, "lineno", 1), statement.lineno
    last = getattr(node, "end_lineno", None) or first
    lines = dict.fromkeys((start, *range(first, last + 1)))
    beside = [file.line(number).partition("#")[2] for number in lines]
    return [text for text in (*beside, *(_above(file, number) for number in {first, start})) if text]


def _above(file: SourceFile, number: int) -> str:
    """The comment above a line, or beside the head of the block that the line opens."""
    found: list[str] = []
    before = file.line(number - 1)
    if before.partition("#")[0].rstrip().endswith(":"):
        return before.partition("#")[2]
    while before.lstrip().startswith("#"):
        found.insert(0, before.partition("#")[2].strip())
        number -= 1
        before = file.line(number - 1)
    return " ".join(found)


def _names_beside(file: SourceFile, node: ast.AST) -> Iterator[str]:
    """The names in a call, those that its value is given to, and those in the conditions around it."""
    yield from identifiers(node)
    statement = file.statement(node)
    for target in statement.targets if isinstance(statement, ast.Assign) else ():
        yield from identifiers(target)
    for outer in file.ancestors(node):
        if isinstance(outer, FUNCTIONS):
            return
        if isinstance(outer, _BRANCHES):
            yield from identifiers(outer.test)


def sees_to_modes(owner: ClassInfo) -> bool:
    """Whether a framework runs the class, or it overrides what sets its mode; the base of a library may."""
    if owner.of_framework:
        return True
    own = [one for one in owner.lineage() if one.name not in MODULE_TAILS]
    return any(name in one.methods for one in own for name in ("train", "eval"))


def places(file: SourceFile) -> list[str]:
    """The names of the file and of its folder."""
    return file.path.replace("\\", "/").removesuffix(".py").split("/")[-2:]


def said_around(file: SourceFile, function: FunctionInfo) -> list[str]:
    """The names and the docstring around a piece of code: function, file and folder."""
    return [function.name, function.docstring, *places(file)]
