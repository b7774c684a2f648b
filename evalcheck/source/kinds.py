"""What kind of file it is: unit tests, a script, a library module."""

from __future__ import annotations

import ast
from functools import lru_cache

from evalcheck.source.file import SourceFile

_TEST_FOLDERS = frozenset(("tests", "testing", "unittests", "unit_tests", "test"))


@lru_cache(maxsize=8)
def is_unit_test(file: SourceFile) -> bool:
    """Whether a file holds unit tests: what they run in which mode is their own business."""
    if file.names.packages & {"pytest", "unittest", "absl_testing", "hypothesis"}:
        return True
    folders, _, name = file.path.replace("\\", "/").rpartition("/")
    if name == "conftest.py" or name.endswith("_test.py"):
        return True
    tests = [f for f in file.functions if f.name.startswith("test_") and not f.parameters]
    return bool(tests) and (name.startswith("test_") or bool(_TEST_FOLDERS & set(folders.split("/"))))


def main_block(file: SourceFile) -> ast.If | None:
    """The ``if __name__ == "__main__"`` of a script."""
    for statement in file.tree.body:
        if isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare):
            sides = [statement.test.left, *statement.test.comparators]
            if any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides):
                return statement
    return None


def is_training_script(file: SourceFile) -> bool:
    """Whether the file is run, and takes steps of an optimiser in a loop of its own."""
    if not all(file.mentions(word) for word in ("backward(", "optim", ".parameters()")):
        return False
    steps = [c for c in file.every_call() if isinstance(c.func, ast.Attribute) and c.func.attr == "step"]
    looped = [c for c in steps if any(isinstance(o, (ast.For, ast.While)) for o in file.ancestors(c))]
    if not any(file.class_of(c) is None for c in looped):
        return False
    return main_block(file) is not None or any(file.function_of(c) is None for c in looped)
