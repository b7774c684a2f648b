"""Whether a piece of code runs in both modes, or was told the mode on the way to it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import assigned, block_of, identifiers, is_parameter

# Words of the mode itself, where names of other switches stand beside it.
MODE = re.compile(r"train|eval|infer|determin", re.I)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def mentions_mode(
    file: SourceFile, node: ast.AST, steps: int = 2, mode: re.Pattern[str] = words.MODE
) -> bool:
    """Whether an expression depends on the mode, by its words or by those of its local variables."""
    if any(mode.search(name) for name in identifiers(node)):
        return True
    if steps == 0:
        return False
    return any(
        mentions_mode(file, value, steps - 1, mode)
        for name in _local_names(file, node)
        for value in assigned(file, name)
    )


def _local_names(file: SourceFile, node: ast.AST) -> Iterator[ast.Name]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and file.names.is_local(one):
            yield one


def is_gate(file: SourceFile, test: ast.AST, strict: bool = False) -> bool:
    """Whether a condition can switch code off in evaluation: the mode, or a switch of the caller.

    Strictly taken, only the mode counts: ``need_weights`` chooses between two ways to the same values.
    """
    if mentions_mode(file, test, mode=MODE if strict else words.MODE):
        return True
    if any(_is_flag(file, part) for part in conditions(test)):
        return True
    return not strict and any(_is_switch(file, part) for part in conditions(test))


def set_by_mode(file: SourceFile, node: ast.AST, steps: int = 1) -> bool:
    """Whether a local name in an expression is given one of its values under a test of the mode."""
    for name in _local_names(file, node):
        scope = file.names.binder(name)
        if scope is not None and any(_in_a_mode(file, s) for s in file.index.stores[scope].get(name.id, ())):
            return True
        if steps and any(set_by_mode(file, value, steps - 1) for value in assigned(file, name)):
            return True
    return False


def _in_a_mode(file: SourceFile, store: ast.Name) -> bool:
    child: ast.AST = store
    for parent in file.ancestors(store):
        if isinstance(parent, FUNCTIONS):
            return False
        if isinstance(parent, ast.AugAssign) and mentions_mode(file, parent.value, 0, MODE):
            return True  # rate *= self.training
        if (
            isinstance(parent, ast.If)
            and child is not parent.test
            and mentions_mode(file, parent.test, mode=MODE)
        ):
            return True
        child = parent
    return False


def _is_flag(file: SourceFile, test: ast.AST) -> bool:
    """A local name as a truth value, or beside a number, that was set by the mode."""
    if isinstance(test, ast.Compare) and len(test.comparators) == 1:
        other = test.comparators[0]
        if isinstance(other, ast.Constant) and isinstance(other.value, (bool, int, float)):
            test = test.left
    return isinstance(test, ast.Name) and set_by_mode(file, test)


def conditions(test: ast.AST) -> Iterator[ast.AST]:
    """The single conditions of ``a and not b``."""
    if isinstance(test, ast.BoolOp):
        for value in test.values:
            yield from conditions(value)
    elif isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from conditions(test.operand)
    else:
        yield test


def _is_switch(file: SourceFile, test: ast.AST) -> bool:
    """A parameter used as a truth value, or a local one that was unpacked from somewhere."""
    if isinstance(test, ast.Compare) and len(test.comparators) == 1:
        other = test.comparators[0]
        if isinstance(other, ast.Constant) and isinstance(other.value, (bool, str)):
            test = test.left
    if not isinstance(test, ast.Name) or not file.names.is_local(test):
        return False
    return is_parameter(file, test) or not assigned(file, test)


def gated(file: SourceFile, node: ast.AST, strict: bool = False) -> bool:
    """Whether something between a node and its function keeps it from running in every mode."""
    child = node
    for parent in file.ancestors(node):
        if _gate_between(file, parent, child, strict):
            return True
        if isinstance(child, ast.stmt) and _left_early(file, child, strict):
            return True
        if isinstance(parent, (*FUNCTIONS, ast.Module, ast.ClassDef)):
            return False
        child = parent
    return False


def _gate_between(file: SourceFile, parent: ast.AST, child: ast.AST, strict: bool) -> bool:
    if isinstance(parent, (ast.If, ast.IfExp, ast.While)):
        return child is not parent.test and is_gate(file, parent.test, strict)
    if isinstance(parent, ast.BoolOp):
        earlier = parent.values[: parent.values.index(child)] if child in parent.values else []
        return any(is_gate(file, value, strict) for value in earlier)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        other = parent.right if child is parent.left else parent.left
        return mentions_mode(file, other)
    if isinstance(parent, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp)):
        return any(is_gate(file, test, strict) for part in parent.generators for test in part.ifs)
    if isinstance(parent, ast.Call) and not strict:
        return child is not parent.func and any(
            mentions_mode(file, other, 0) for other in parent.args if other is not child
        )
    return isinstance(parent, ast.Match)


def _left_early(file: SourceFile, statement: ast.stmt, strict: bool) -> bool:
    """Whether an earlier statement of the block leaves it in one of the modes."""
    for earlier in block_of(file, statement):
        if earlier is statement:
            return False
        if isinstance(earlier, ast.Assert) and mentions_mode(file, earlier.test):
            return True
        if isinstance(earlier, ast.If) and is_gate(file, earlier.test, strict):
            ends = [block[-1] for block in (earlier.body, earlier.orelse) if block]
            if any(isinstance(end, _LEAVES) for end in ends):
                return True
    return False
