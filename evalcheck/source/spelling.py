"""How a file would write a name from elsewhere, by the imports that it has."""

from __future__ import annotations

import ast
from collections.abc import Collection

from evalcheck.source.file import SourceFile
from evalcheck.source.index import FUNCTIONS
from evalcheck.source.names import STARS, parameters


def spelled(file: SourceFile, dotted: str, at: ast.AST) -> str | None:
    """``torch.nn.ModuleList`` as the file writes it at a node: ``nn.ModuleList``; None if it cannot."""
    candidates = []
    for name, means in file.names.imported.items():
        if dotted == means:
            candidates.append((name, name))
        elif dotted.startswith(f"{means}.") and (means != "torch" or _reachable(dotted)):
            candidates.append((name, name + dotted.removeprefix(means)))
    candidates.sort(key=lambda found: (found[1].count("."), len(found[1])))
    for name, written in candidates:
        if _in_sight(file, name, at):
            return written
    package, _, tail = dotted.rpartition(".")
    if file.names.stars == [package] and package in STARS and not _bound(file, tail):
        return tail
    return None


def _reachable(dotted: str) -> bool:
    """Whether ``import torch`` alone makes a name reachable."""
    return dotted.startswith(("torch.nn.", "torch.utils.data."))


def _in_sight(file: SourceFile, name: str, at: ast.AST) -> bool:
    """Whether an import of the name holds at a node, and nothing else binds the name there."""
    around = [outer for outer in file.ancestors(at) if isinstance(outer, (*FUNCTIONS, ast.Lambda))]
    if any(name in file.index.stores[scope] or name in parameters(scope) for scope in around):
        return False
    aliases = file.index.stores[file.tree].get(name, [])
    imports = [node for node in file.index.imports if _binds(node, name)]
    if aliases:
        return len(aliases) == 1 and not imports  # ``nn = torch.nn``, as evalcheck.source.names believes it
    return (
        bool(imports)
        and all(_runs(file, node, around) for node in imports)
        and name not in file.names.defined
    )


def _runs(file: SourceFile, node: ast.AST, around: Collection[ast.AST]) -> bool:
    """Whether an import has run where functions ``around`` a node run."""
    for outer in file.ancestors(node):
        if isinstance(outer, (*FUNCTIONS, ast.ClassDef)) and outer not in around:
            return False
        if isinstance(outer, ast.If) and "TYPE_CHECKING" in ast.dump(outer.test):
            return False
    return True


def _binds(node: ast.Import | ast.ImportFrom, name: str) -> bool:
    return any((alias.asname or alias.name.split(".")[0]) == name for alias in node.names)


def _bound(file: SourceFile, name: str) -> bool:
    return name in file.names.defined or any(name in stores for stores in file.index.stores.values())
