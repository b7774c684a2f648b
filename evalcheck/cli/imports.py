"""Imports the user's code, as ``python FILE.py`` would find it, and runs it without surprises."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from evalcheck.cli import traces
from evalcheck.complaint import Complaint


def need_torch() -> None:
    """Complain if there is no torch: only the reader works without."""
    try:
        importlib.import_module("torch")
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise Complaint("this needs torch: pip install 'torch-evalcheck[torch]'") from None


def of_file(file: Path) -> ModuleType:
    """The module of a file, registered under its stem; the file's folder is importable first."""
    if not file.exists():
        raise Complaint(f"{file} does not exist")
    if not file.is_file() or file.suffix != ".py":
        raise Complaint(f"{file} is not a Python file")
    place = file.resolve()
    _importable(str(place.parent))
    known = sys.modules.get(place.stem)
    if known is not None and getattr(known, "__file__", None) == str(place):
        return known
    # A file named like a module that is loaded already must not take its place.
    name = place.stem if known is None else f"{place.stem}_{abs(hash(str(place))):x}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        with users_code(f"{file} does not import", str(file)):
            spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def of_name(name: str) -> ModuleType:
    """A module by its dotted name, found from the current folder like with ``python -m``."""
    _importable(os.getcwd())
    try:
        with users_code(f"{name} does not import", name):
            return importlib.import_module(name)
    except Complaint as complaint:
        missing = complaint.__cause__
        if isinstance(missing, ModuleNotFoundError) and f"{name}.".startswith(f"{missing.name}."):
            raise Complaint(f"there is no module {missing.name!r} to import from {os.getcwd()}") from None
        raise


@contextmanager
def users_code(what: str, program: str) -> Iterator[None]:
    """Whatever the user's code raises becomes a complaint that begins with ``what``.

    What it prints goes to stderr, for stdout may have to hold JSON alone; the arguments that it
    may read are its own name and no more; and a ``sys.exit`` of its does not end evalcheck.
    """
    try:
        with redirect_stdout(sys.stderr), patch.object(sys, "argv", [program]):
            yield
    except (Complaint, KeyboardInterrupt):
        raise
    except SystemExit as error:
        line = f"{what}: it calls sys.exit({error.code!r}); keep that under if __name__ == '__main__'"
        raise Complaint(line, traces.of(error)) from error
    except BaseException as error:
        hint = ""
        if isinstance(error, ImportError) and "relative import" in str(error):
            hint = "; it is part of a package: name it package.module:ATTR"
        raise Complaint(f"{what}: {traces.line(error)}{hint}", traces.of(error)) from error


def _importable(folder: str) -> None:
    if sys.path[:1] != [folder]:
        sys.path.insert(0, folder)
