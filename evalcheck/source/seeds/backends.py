"""What a file asks of torch's backends: determinism, and the search for the fastest algorithm."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.values import block_of, literal

_BENCHMARK = "torch.backends.cudnn.benchmark"
_DETERMINISTIC = "torch.backends.cudnn.deterministic"
_CLAIMS = ("torch.use_deterministic_algorithms", "torch.set_deterministic")


def contradictions(file: SourceFile) -> Iterator[tuple[ast.Assign, ast.stmt]]:
    """Where the benchmark is switched on and determinism is asked for: the two statements."""
    benchmarks = list(_settings(file, _BENCHMARK))
    claims = [*_settings(file, _DETERMINISTIC), *_claimed(file)]
    for node, on in benchmarks:
        if on is not True or _overruled(file, node, benchmarks):
            continue
        for claim, claimed in claims:
            if claimed is True and _both_run(file, node, claim) and not _overruled(file, claim, claims):
                yield node, claim
                break


def _settings(file: SourceFile, name: str) -> Iterator[tuple[ast.Assign, object]]:
    for nodes in file.index.attributes.values():
        for node in nodes:
            if isinstance(node.ctx, ast.Store) and file.resolve(node) == name:
                parent = file.parent(node)
                if isinstance(parent, ast.Assign):
                    yield parent, literal(parent.value)


def _claimed(file: SourceFile) -> Iterator[tuple[ast.stmt, object]]:
    for call in file.every_call():
        if file.resolve(call.func) in _CLAIMS and call.args:
            quiet = any(k.arg == "warn_only" and literal(k.value) is not False for k in call.keywords)
            yield file.statement(call), None if quiet else literal(call.args[0])


def _both_run(file: SourceFile, node: ast.stmt, claim: ast.stmt) -> bool:
    """Whether the benchmark is switched on wherever the claim is made, in one function."""
    if file.function_of(node) is not file.function_of(claim):
        return False
    block = block_of(file, node)
    around = [
        claim,
        *(a for a in file.ancestors(claim) if isinstance(a, ast.stmt) and not isinstance(a, FUNCTIONS)),
    ]
    return any(one in block for one in around)


def _overruled(file: SourceFile, node: ast.stmt, settings: Sequence[tuple[ast.stmt, object]]) -> bool:
    """Whether another value is set in the same function, after it or for another case."""
    own = file.function_of(node)
    return any(
        value is not True and other is not node and file.function_of(other) is own
        for other, value in settings
    )
