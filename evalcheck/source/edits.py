"""Small changes to the text of a file, as fixes that keep it valid.

Each takes nodes and gives a :class:`Fix`, or None where the change cannot be written with certainty.
Text is put in around what stands there; what stands there is left as it is, comments included.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from decimal import Decimal

from evalcheck.finding import Edit, Fix, Span
from evalcheck.source.file import SourceFile
from evalcheck.source.spelling import spelled

# Expressions that take in what follows them, or that ``if`` and ``-`` would take apart.
_OPEN = (ast.IfExp, ast.Lambda, ast.NamedExpr, ast.Yield, ast.YieldFrom)
_LOOSER_THAN_MINUS = (*_OPEN, ast.BoolOp, ast.Compare)
_LOOSE_OPERATORS = (ast.Add, ast.Sub, ast.LShift, ast.RShift, ast.BitAnd, ast.BitOr, ast.BitXor)
# What an expression can stand in without parentheses, whatever it is.
_WRAPPING = (ast.keyword, ast.Assign, ast.AugAssign, ast.Return, ast.List, ast.Expr)


def insertion(file: SourceFile, line: int, offset: int) -> Span:
    """The empty span at a position of the parser."""
    return file.lines.span(line, offset, line, offset)


def add_argument(file: SourceFile, call: ast.Call, text: str, title: str, *, safe: bool = True) -> Fix | None:
    """One more keyword argument at the end of a call: ``training=self.training``."""
    if not _writable(file, call):
        return None
    end_line, end_offset = _end(call)
    last = max((*call.args, *(k.value for k in call.keywords)), key=_end, default=None)
    if last is None:
        return Fix(title, (Edit(insertion(file, end_line, end_offset - 1), text),), safe)
    if isinstance(last, ast.GeneratorExp) and _end(last) == _end(call):
        return None  # it may stand there without parentheses only as long as it is alone
    return Fix(title, (Edit(_behind(file, last, call), f", {text}"),), safe)


def append(file: SourceFile, node: ast.expr, text: str, title: str, *, safe: bool = True) -> Fix:
    """Text right behind an expression."""
    return Fix(title, (Edit(insertion(file, *_end(node)), text),), safe)


def replace(file: SourceFile, node: ast.expr, text: str, title: str, *, safe: bool) -> Fix | None:
    """Other text instead of an expression."""
    return Fix(title, (Edit(file.span(node), text),), safe) if _writable(file, node) else None


def wrap(file: SourceFile, node: ast.expr, before: str, after: str, title: str, *, safe: bool) -> Fix | None:
    """Text on both sides of an expression."""
    if not _writable(file, node):
        return None
    start, end = insertion(file, node.lineno, node.col_offset), insertion(file, *_end(node))
    return Fix(title, (Edit(start, before), Edit(end, after)), safe)


def wrap_in_call(file: SourceFile, node: ast.expr, dotted: str, title: str, *, safe: bool) -> Fix | None:
    """``[...]`` as ``nn.ModuleList([...])``: None where the file's imports give no name to ``dotted``."""
    name = spelled(file, dotted, node)
    if name is None:
        return None
    before, after = ("((", "))") if isinstance(node, ast.Tuple) and _is_bare(file, node) else ("(", ")")
    return wrap(file, node, f"{name}{before}", after, title, safe=safe)


def gate(
    file: SourceFile,
    node: ast.expr,
    receiver: str,
    title: str,
    *,
    off: str = "0.0",
    safe: bool = True,
) -> Fix | None:
    """``p`` as ``p if self.training else 0.0``; ``receiver`` is what the method calls ``self``."""
    inner = isinstance(node, _OPEN)
    outer = not _stands_alone(file, node)
    before = "(" * outer + "(" * inner
    after = f"{')' * inner} if {receiver}.training else {off}{')' * outer}"
    return wrap(file, node, before, after, title, safe=safe)


def complement(file: SourceFile, node: ast.expr, title: str) -> Fix | None:
    """``value`` as ``1 - value``, worked out for literals, undone for ``1 - x``. Never safe."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        rest = 1 - Decimal(repr(node.value))
        return replace(file, node, f"{rest.normalize():f}" if rest else "0.0", title, safe=False)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _is_one(node.left):
        if not _writable(file, node):
            return None
        start = insertion(file, node.lineno, node.col_offset)
        right = insertion(file, node.right.lineno, node.right.col_offset)
        between = file.lines.between(node.lineno, node.col_offset, node.right.lineno, node.right.col_offset)
        if any(mark in between for mark in "(#\\\n"):
            return None
        cut = Span(start.path, start.line, start.column, right.line, right.column, start.cell, start.text)
        return Fix(title, (Edit(cut, ""),), safe=False)
    inner = isinstance(node, _LOOSER_THAN_MINUS) or (
        isinstance(node, ast.BinOp) and isinstance(node.op, _LOOSE_OPERATORS)
    )
    inner = inner or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))
    outer = not _stands_alone(file, node)
    before, after = "(" * outer + "1 - " + "(" * inner, ")" * inner + ")" * outer
    return wrap(file, node, before, after, title, safe=False)


def together(title: str, fixes: Iterable[Fix | None], *, safe: bool | None = None) -> Fix | None:
    """Several changes as one, all or none: None if one of them is None. Safe if all of them are."""
    edits: list[Edit] = []
    every = True
    for fix in fixes:
        if fix is None:
            return None
        edits += fix.edits
        every = every and fix.safe
    return Fix(title, tuple(edits), every if safe is None else safe) if edits else None


def _end(node: ast.AST) -> tuple[int, int]:
    return getattr(node, "end_lineno", None) or 1, getattr(node, "end_col_offset", None) or 0


def _writable(file: SourceFile, node: ast.AST) -> bool:
    """Not inside an f-string, where the parser's positions are not to be relied on."""
    return not any(isinstance(outer, (ast.JoinedStr, ast.FormattedValue)) for outer in file.ancestors(node))


def _behind(file: SourceFile, last: ast.expr, call: ast.Call) -> Span:
    """The place behind a call's last argument and the parentheses around it, before a comma."""
    line, offset = _end(last)
    end_line, end_offset = _end(call)
    lines = file.lines
    found = (line, lines.column(line, offset))
    for number in range(line, end_line + 1):
        text = lines.line(number)
        first = found[1] - 1 if number == line else 0
        stop = lines.column(end_line, end_offset - 1) - 1 if number == end_line else len(text)
        code = text[first:stop].partition("#")[0]
        if ")" in code:
            found = (number, first + code.rindex(")") + 2)
    return lines.stretch(*found, *found)


def _stands_alone(file: SourceFile, node: ast.expr) -> bool:
    """Whether an expression of any kind may stand where a node stands."""
    parent = file.parent(node)
    if isinstance(parent, ast.Call):
        return node is not parent.func
    if isinstance(parent, ast.AnnAssign):
        return node is parent.value
    if isinstance(parent, ast.Assign | ast.AugAssign):
        return node is parent.value
    return isinstance(parent, _WRAPPING)


def _is_bare(file: SourceFile, node: ast.Tuple) -> bool:
    """Whether a tuple stands without parentheses: with a name before it, it is no call."""
    text = file.lines.between(node.lineno, node.col_offset, *_end(node))
    try:
        return not isinstance(ast.parse(f"f{text}", mode="eval").body, ast.Call)
    except SyntaxError:
        return True


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1 and node.value is not True
