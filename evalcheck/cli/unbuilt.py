"""Says of a file that was only read what would build its model: who forgot that takes silence for a pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# What a function that makes a model is called, and the modules that classes of models derive from.
MAKES = re.compile(r"(^|_)(model|net|network)(_|$)", re.IGNORECASE)
BASES = re.compile(r"(^|\.)(Module|LightningModule|Sequential)$")


def note(path: Path) -> tuple[str, ...]:
    """``net.py was only read; ...`` where the file makes a model without being given anything."""
    if path.suffix != ".py" or not path.is_file():
        return ()
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return ()
    name = next(_makers(tree), None)
    if name is None:
        return ()
    return (f"{path} was only read; `evalcheck {path}:{name}` builds the model and measures it",)


def _makers(tree: ast.Module) -> Iterator[str]:
    """Functions that are called like one and need no argument, then classes of modules that need none."""
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    yield from (f.name for f in functions if MAKES.search(f.name) and not _needs(f.args, 0))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and any(BASES.search(ast.unparse(base)) for base in node.bases):
            made = [f for f in node.body if isinstance(f, ast.FunctionDef) and f.name == "__init__"]
            if not any(_needs(f.args, 1) for f in made):
                yield node.name


def _needs(arguments: ast.arguments, given: int) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > given or None in arguments.kw_defaults
