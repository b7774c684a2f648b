"""Blocks that only rank 0 runs, the collectives in them, and models wrapped for several ranks."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.models import tail_of
from evalcheck.source.values import assigned, block_of, keyword, literal, unpacks, within
from evalcheck.source.words import each

COLLECTIVES = each(
    "barrier monitored_barrier all_reduce all_gather all_gather_object all_gather_into_tensor broadcast "
    "broadcast_object_list reduce gather gather_object scatter scatter_object_list reduce_scatter all_to_all"
)
WRAPPERS = each(
    "torch.nn.parallel.DistributedDataParallel torch.nn.parallel.distributed.DistributedDataParallel"
)
_RANK = re.compile(r"(?:^|_)(?:rank|RANK)$|^get_(?:global_)?rank$|^process_index$")
_MAIN = re.compile(
    r"^(?:is_)?(?:main|master)(?:_?process)?$|^is_(?:rank_?(?:0|zero)|world_process_zero|global_zero)$"
)


def only_rank_zero(test: ast.expr) -> bool | None:
    """True where a condition holds on rank 0 alone, False on all others, None where it cannot be told."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        inner = only_rank_zero(test.operand)
        return None if inner is None else not inner
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and _is_rank(test.left):
        if literal(test.comparators[0]) == 0 and literal(test.comparators[0]) is not False:
            return {ast.Eq: True, ast.NotEq: False, ast.Gt: False}.get(type(test.ops[0]))
        return None
    named = test.func if isinstance(test, ast.Call) and not test.args else test
    if isinstance(named, (ast.Name, ast.Attribute)) and _MAIN.search(tail_of(named)):
        return True
    return None


def _is_rank(node: ast.expr) -> bool:
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "int" and len(node.args) == 1:
            return "RANK" in ast.unparse(node.args[0])
        return bool(_RANK.search(tail_of(node.func)))
    return isinstance(node, (ast.Name, ast.Attribute)) and bool(_RANK.search(tail_of(node)))


def rank_zero_block(file: SourceFile, node: ast.AST) -> ast.If | None:
    """The ``if rank == 0`` around a node, within its function."""
    child = node
    for outer in file.ancestors(node):
        if isinstance(outer, (*FUNCTIONS, ast.Lambda, ast.ClassDef)):
            return None
        if isinstance(outer, ast.If) and child is not outer.test:
            which = only_rank_zero(outer.test)
            if which is not None and which is (child in outer.body):
                return outer
        child = outer
    return None


def collectives(file: SourceFile) -> Iterator[tuple[ast.Call, str]]:
    """Calls of the whole group's collectives, with their names."""
    for call in file.every_call():
        func = call.func
        if not isinstance(func, (ast.Name, ast.Attribute)) or tail_of(func) not in COLLECTIVES:
            continue
        name = file.resolve(func) or ""
        if name == f"torch.distributed.{tail_of(func)}" and not _of_some_group(call):
            yield call, tail_of(func)


def _of_some_group(call: ast.Call) -> bool:
    """Whether a group other than that of all ranks may be given."""
    most = 0 if tail_of(call.func).endswith("barrier") else 2
    return keyword(call, "group", "async_op") is not None or len(call.args) > most or unpacks(call)


def met_by_others(file: SourceFile, block: ast.If, call: ast.Call, name: str) -> bool:
    """Whether the other ranks reach such a call too, or may, in code that rank 0 does not run."""
    if _others_do_something(file, block):
        return True
    # One half may stand in __enter__ and the other in __exit__, or one in a closure, the other around it.
    scopes = [o for o in file.ancestors(block) if isinstance(o, (*FUNCTIONS, ast.ClassDef))]
    around = scopes[-1] if scopes else file.tree
    for other, other_name in collectives(file):
        if other is call or other_name != name or around not in (file.tree, *file.ancestors(other)):
            continue
        if any(
            _others_only(file, outer, other) for outer in file.ancestors(other) if isinstance(outer, ast.If)
        ):
            return True
    return _left_by_others(file, block)


def _others_do_something(file: SourceFile, block: ast.If) -> bool:
    """Whether the other ranks are sent elsewhere, where they may meet rank 0: ``else``, ``if rank != 0``."""
    ways = [block.orelse if only_rank_zero(block.test) else block.body]
    siblings = [near for near in block_of(file, block) if isinstance(near, ast.If)]
    ways += [near.body for near in siblings if only_rank_zero(near.test) is False]
    return any(isinstance(n, ast.Call) for way in ways for statement in way for n in within(statement))


def _others_only(file: SourceFile, outer: ast.If, node: ast.AST) -> bool:
    which = only_rank_zero(outer.test)
    if which is None:
        return any(_is_rank(n) for n in within(outer.test) if isinstance(n, ast.expr))
    inside = any(node is n for statement in outer.body for n in within(statement))
    return which is not inside


def _left_by_others(file: SourceFile, block: ast.If) -> bool:
    """Whether the program runs on one process after all: the block is guarded by another test of ranks."""
    for outer in file.ancestors(block):
        if isinstance(outer, ast.If) and "world_size" in ast.unparse(outer.test):
            return True
    return any(
        isinstance(earlier, ast.If) and "world_size" in ast.unparse(earlier.test)
        for earlier in block_of(file, block)
        if earlier.lineno < block.lineno
    )


def wrapped_calls(file: SourceFile) -> Iterator[tuple[ast.Call, ast.Call]]:
    """Forward calls of models that certainly are wrapped here, with the calls that wrap them."""
    for call in list(file.every_call()):
        if isinstance(call.func, ast.Name) and file.names.imported.get(call.func.id) is None:
            values = assigned(file, call.func)
            wraps = [v for v in values if isinstance(v, ast.Call) and file.resolve(v.func) in WRAPPERS]
            last = values[-1] if values else None
            if not isinstance(last, ast.Call) or last not in wraps or last.lineno > call.lineno:
                continue
            if not any(isinstance(outer, ast.If) for outer in file.ancestors(last)):
                yield call, last
