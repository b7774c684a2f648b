"""Finds the Python files below the paths that the user named."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from evalcheck.complaint import Complaint
from evalcheck.paths import shown
from evalcheck.source.words import each

# Folders that hold no source of the user's: caches, build output, other people's packages.
SKIPPED = each("__pycache__ node_modules site-packages build dist buck-out _build")


def python_files(paths: Sequence[Path], exclude: Sequence[str] = ()) -> list[Path]:
    """The files to read, sorted, each once. A path that is not there is the user's mistake."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise Complaint(f"{path}: there is no such file or folder")
        if not path.is_dir():
            found[path] = None
            continue
        for file in _below(path, exclude):
            found[file] = None
    return sorted(found, key=str)


def _below(top: Path, exclude: Sequence[str]) -> Iterator[Path]:
    for folder, folders, files in os.walk(top):
        here = Path(folder)
        folders[:] = sorted(
            name for name in folders if not _skipped(here / name) and not _excluded(here / name, top, exclude)
        )
        for name in sorted(files):
            if name.endswith(".py") and not _excluded(here / name, top, exclude):
                yield here / name


def _skipped(folder: Path) -> bool:
    name = folder.name
    return (
        name.startswith(".")
        or name in SKIPPED
        or name.endswith(".egg-info")
        or (folder / "pyvenv.cfg").exists()
    )


def _excluded(path: Path, top: Path, exclude: Sequence[str]) -> bool:
    """Whether a pattern names the path: by its name, below the folder, or as it is shown."""
    if not exclude:
        return False
    forms = (path.name, path.relative_to(top).as_posix(), shown(path))
    return any(
        fnmatch(form, pattern.rstrip("/")) or form.startswith(pattern.rstrip("/") + "/")
        for pattern in exclude
        for form in forms
    )
