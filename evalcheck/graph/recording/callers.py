"""Which line of the user's code is being run, found by walking up the stack."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from functools import cache, lru_cache
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType

import torch

from evalcheck.finding import Span
from evalcheck.paths import shown

_TORCH = str(Path(torch.__file__).parent) + os.sep
_OURS = str(Path(__file__).parents[2]) + os.sep
# These call what they watch: an exception that comes out of them is not their own.
_CALLING = ("run", "__torch_function__", "watched_call", "watched_apply")
_INSTALLED = tuple(
    {p for key in ("purelib", "platlib", "stdlib", "platstdlib") if (p := sysconfig.get_path(key))}
)


def caller(stop: FrameType | None) -> Span | None:
    """The innermost line outside installed packages below ``stop``; else the innermost outside torch."""
    frame: FrameType | None = sys._getframe(1)
    second: FrameType | None = None
    while frame is not None and frame is not stop:
        owner = _owner(frame.f_code.co_filename)
        if owner == "user":
            return _span(frame.f_code, frame.f_code.co_filename, frame.f_lasti)
        if owner == "library" and second is None:
            second = frame
        frame = frame.f_back
    return _span(second.f_code, second.f_code.co_filename, second.f_lasti) if second is not None else None


def users(code: CodeType, instruction: int) -> Span | None:
    """The span of an instruction in the user's code; None in a library's."""
    filename = code.co_filename
    return _span(code, filename, instruction) if _owner(filename) == "user" else None


def ours(error: BaseException) -> bool:
    """Whether an exception was raised by the recorder, and not by the model that it watches."""
    step = error.__traceback__
    while step is not None and step.tb_next is not None:
        step = step.tb_next
    if step is None or not step.tb_frame.f_code.co_filename.startswith(_OURS):
        return False
    return step.tb_frame.f_code.co_name not in _CALLING


def raised(error: BaseException) -> Span | None:
    """The innermost line of user code in an exception's traceback; else the innermost outside torch."""
    found: Span | None = None
    own = False
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        owner = _owner(code.co_filename)
        if owner == "user" or (owner == "library" and not own):
            own = own or owner == "user"
            found = _span(code, code.co_filename, step.tb_lasti) or found
        step = step.tb_next
    return found


@cache
def _owner(filename: str) -> str:
    if filename.startswith((_TORCH, _OURS)):
        return "torch"
    if "site-packages" in filename or "dist-packages" in filename:
        return "library"
    # An installed package can stand outside site-packages; the standard library calls nobody's layers.
    if filename.startswith(_INSTALLED) or filename.startswith("<frozen"):
        return "torch"
    return "user" if linecache.getline(filename, 1) else "torch"


@lru_cache(4096)
def _span(code: CodeType, filename: str, instruction: int) -> Span | None:
    # The same function in two files is one key without the name: code objects are equal by their content.
    position = next(islice(code.co_positions(), instruction // 2, None), None)
    if position is None or position[0] is None:
        return None
    line, end_line, column, end_column = position
    first = line or 1
    return located(filename, first, end_line or first, column or 0, end_column or 0)


def located(filename: str, line: int, end_line: int, column: int, end_column: int) -> Span:
    """A span from the interpreter's positions, which count UTF-8 bytes from zero."""
    first, last = linecache.getline(filename, line), linecache.getline(filename, end_line)
    return Span(
        path=shown(filename),
        line=line,
        column=_characters(first, column) + 1,
        end_line=end_line,
        end_column=_characters(last, end_column) + 1,
        text=first.strip(),
    )


def _characters(text: str, offset: int) -> int:
    return len(text.encode("utf8")[:offset].decode("utf8", "ignore"))
