"""Patterns of paths as in a .gitignore: which of them speaks last about a path decides.

Names, endings and simple globs are answered here; only what is rarer (``docs/*.md``, escapes)
is left to pathspec, whose import alone costs more than reading many files.
"""

from __future__ import annotations

import fnmatch
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    # The pattern's number, whether it takes paths (and does not bring them back), whether only folders.
    Stand = tuple[int, bool, bool]

MAGIC = re.compile(r"[*?\[]")
# The group by which pathspec marks that a folder was met.
MARK = "ps_d"


class Patterns:
    """The lines of one file of patterns, asked about paths relative to that file's folder."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._names: dict[str, list[Stand]] = {}
        self._paths: dict[str, list[Stand]] = {}
        self._endings: list[tuple[str, Stand]] = []
        self._globs: list[tuple[Callable[[str], re.Match[str] | None], Stand]] = []
        self._others: list[tuple[Callable[[str], re.Match[str] | None], Stand]] = []
        for number, line in enumerate(lines):
            self._add(number, _bare(line))

    def decide(self, path: str, folder: bool = False) -> bool | None:
        """Whether the path itself is taken; None where no pattern speaks of it.

        What lies in a folder that is taken is not asked about: a walk does not go there.
        """
        name = path[path.rfind("/") + 1 :]
        said = [*self._names.get(name, ()), *self._paths.get(path, ())]
        said += [stand for ending, stand in self._endings if name.endswith(ending)]
        said += [stand for glob, stand in self._globs if glob(name)]
        if self._others:
            whole = f"{path}/" if folder else path
            said += [stand for match, stand in self._others if _itself(match(whole), whole)]
        if not folder:
            said = [stand for stand in said if not stand[2]]
        return max(said)[1] if said else None

    def hold(self, path: str, folder: bool = False) -> bool:
        """Whether a path is taken, by itself or with a folder that it lies in."""
        parts = path.split("/")
        around = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        return any(self.decide(one, folder=True) for one in around) or bool(self.decide(path, folder))

    def _add(self, number: int, line: str) -> None:
        taken = not line.startswith("!")
        body = line if taken else line[1:]
        folders = body.endswith("/")
        stand = (number, taken, folders)
        text = body.removesuffix("/")
        while text.startswith("**/"):
            text = text[3:]
        if not text or line.startswith("#"):
            return
        anchored = "/" in text
        text = text.removeprefix("/")
        if text == "**":
            text, body = "*", "*"
        if _hard(body, text):
            self._leave(line, stand)
        elif MAGIC.search(text) is None:
            (self._paths if anchored else self._names).setdefault(text, []).append(stand)
        elif text[0] == "*" and MAGIC.search(text[1:]) is None:
            self._endings.append((text[1:], stand))
        else:
            self._globs.append((re.compile(fnmatch.translate(text)).match, stand))

    def _leave(self, line: str, stand: Stand) -> None:
        from pathspec import GitIgnoreSpec

        if line.endswith(("/**", "/**/")):  # all within: written so that pathspec marks where a path ends
            line = f"{line}/*" if line.endswith("*") else f"{line}*/"
        try:
            patterns = GitIgnoreSpec.from_lines([line]).patterns
        except ValueError:  # git passes by what it does not understand
            return
        self._others += [(p.regex.match, stand) for p in patterns if p.regex is not None]


def _itself(match: re.Match[str] | None, whole: str) -> bool:
    """Whether pathspec's pattern means the path, and not a folder that it lies in."""
    if match is None:
        return False
    if MARK not in match.re.groupindex:  # a pattern such as /**/** that means everything
        return True
    return match[MARK] is None or match.end(MARK) == len(whole)


def _hard(body: str, text: str) -> bool:
    """Whether a pattern is more than a name, a path without signs, or signs within one name."""
    if "\\" in text or "[^" in text or "[:" in text:
        return True
    if MAGIC.search(text):
        return "/" in text or "**" in text or body.startswith("/")
    return "/" in text and body.startswith("**/")


def _bare(line: str) -> str:
    """Without the line's end, and without spaces at its end unless the last is escaped."""
    line = line.rstrip("\r\n")
    bare = line.rstrip(" ")
    return bare if not bare.endswith("\\") or bare == line else f"{bare} "
