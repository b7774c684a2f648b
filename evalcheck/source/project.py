"""All files of one run together."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evalcheck.paths import shown
from evalcheck.source import reading, walk
from evalcheck.source.file import SourceFile


@dataclass(frozen=True)
class Project:
    """The files that could be read, and one line for each that could not.

    Rules are asked about one file at a time. What is to be known across files (who calls whom,
    which class is imported from where) belongs here, beside the files.
    """

    files: tuple[SourceFile, ...] = ()
    unread: tuple[str, ...] = ()


def read_project(paths: Sequence[Path], exclude: Sequence[str] = ()) -> Project:
    """Read every Python file named or below a folder named, in the order of their paths."""
    files: list[SourceFile] = []
    unread: list[str] = []
    collecting = gc.isenabled()
    gc.disable()  # trees are many small objects that live long: collecting among them only costs time
    try:
        for path in walk.python_files(paths, exclude):
            name = shown(path)
            try:
                data = reading.load(path, name)
                if reading.concerned(data):
                    files.append(SourceFile.from_text(reading.decode(data, name), name))
            except reading.Unreadable as reason:
                unread.append(str(reason))
    finally:
        if collecting:
            gc.enable()
    return Project(tuple(files), tuple(unread))
