"""``evalcheck lint PATH...`` without further ado: over before the libraries of the long way are loaded.

A hook runs at every commit, nearly always on files in which nothing is found. Where there is a
configuration, an option that is not known here, or something to report, the long way is taken.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from evalcheck.linting.examine import Examiner

PLAIN = frozenset(("--no-cache", "--force-exclude"))


def lint(arguments: Sequence[str]) -> int | None:
    """The exit status, or None where the long way has to be taken."""
    paths = [word for word in arguments if not word.startswith("-")]
    said = {word for word in arguments if word.startswith("-")}
    if (
        not paths
        or not said <= PLAIN
        or not all(os.path.isfile(path) or os.path.isdir(path) for path in paths)
    ):
        return None
    if any(_configured(path) for path in paths):
        return None
    from evalcheck.linting import law
    from evalcheck.linting.cache import Cache, key
    from evalcheck.linting.sweep import Sweep
    from evalcheck.source import walk
    from evalcheck.source.triggers import Triggers

    roots = walk.roots(paths)
    cache = None if "--no-cache" in said else Cache(os.getcwd(), key("as the pages say", roots))
    sweep = Sweep(Triggers(law.reads()), lambda: _examiner(roots), cache)
    files = walk.python_files(paths)
    if not files:
        return None
    found = sweep.run(files)
    target = ", ".join(paths)
    if not found:
        from evalcheck.reporters import CLEAN

        try:
            sys.stdout.write(f"{target}\n\n{CLEAN}\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has seen enough: nothing more may be written, at shutdown either
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    from evalcheck.checkup import reading
    from evalcheck.cli import ending, options

    plain = options.Output("terminal", None, "auto", quiet=False, verbose=False, fail_on="warning")
    return ending.finish([reading.report(found, target)], plain)


def _configured(path: str) -> bool:
    """Whether a configuration may hold for a path, here or in a folder above it."""
    folder = os.path.abspath(path if os.path.isdir(path) else os.path.dirname(path))
    while True:
        try:
            with open(os.path.join(folder, "pyproject.toml"), "rb") as file:
                if b"[tool.evalcheck" in file.read():
                    return True
        except OSError:
            pass
        above = os.path.dirname(folder)
        if above == folder:
            return False
        folder = above


def _examiner(roots: tuple[str, ...]) -> Examiner:
    from evalcheck.linting.examine import Examiner
    from evalcheck.settings import Settings

    return Examiner(Settings(), roots)
