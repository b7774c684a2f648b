"""Writes what evalcheck really prints into the README, docs/stories.md and docs/skeleton.svg.

    python docs/refresh.py

`tests/examples` compares all three with a fresh run, so that none can grow stale. A page asks for a
report by a comment in front of a block of text: `<!-- output: FILE.py:ATTR -->` for all of it,
`<!-- answer: FILE.py:ATTR -->` for its first lines, which tell the verdict, the cause and the cure.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
README, STORIES = ROOT / "README.md", ROOT / "docs" / "stories.md"
PICTURE = ROOT / "docs" / "skeleton.svg"
PICTURED = "examples/skeleton.py:build_model"
BLOCK = re.compile(r"(<!-- (output|answer): (\S+) -->\n```text\n)(.*?)(```)", re.S)
WIDTH = 100


@cache
def run(target: str, color: str = "never") -> tuple[int, str]:
    """Exit status and output of `evalcheck TARGET` from the repository's root, 100 columns wide."""
    done = subprocess.run(
        [sys.executable, "-m", "evalcheck", target, "--color", color],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": str(WIDTH)},
        check=False,
    )
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return done.returncode, done.stdout


def printed(target: str, color: str = "never") -> str:
    """What `evalcheck TARGET` prints."""
    return run(target, color)[1]


def answer(output: str) -> str:
    """The first paragraph below the target's name: verdict, cause, cure, what to do next."""
    return output.split("\n\n")[1].strip("\n") + "\n"


def shown(kind: str, target: str) -> str:
    """What a block of this kind must hold today."""
    return answer(printed(target)) if kind == "answer" else printed(target)


def passages(page: str) -> list[tuple[str, str, str]]:
    """The blocks of a page: kind, target, text."""
    return [(kind, target, text) for _, kind, target, text, _ in BLOCK.findall(page)]


def blocks(page: str) -> dict[str, str]:
    """The whole outputs that a page shows, by target."""
    return {target: text for kind, target, text in passages(page) if kind == "output"}


def picture(output: str, command: str) -> str:
    """A terminal with the coloured output in it, as SVG made by rich."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(Text(f"$ {command}\n", style="bold"))
    console.print(Text.from_ansi(output))
    return console.export_svg(title="evalcheck", unique_id="evalcheck")


def main() -> None:
    """Everything is printed before anything is written: a report that fails leaves all as it was."""
    new = {PICTURE: picture(printed(PICTURED, "always"), f"evalcheck {PICTURED}")}
    for page in (README, STORIES):
        new[page] = BLOCK.sub(lambda m: m[1] + shown(m[2], m[3]) + m[5], page.read_text("utf8"))
    for path, text in new.items():
        path.write_text(text, "utf8")


if __name__ == "__main__":
    main()
