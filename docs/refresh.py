"""Writes what evalcheck really prints into the README and docs/skeleton.svg.

    python docs/refresh.py

`tests/examples/test_readme.py` compares both with a fresh run, so that neither can grow stale.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
README, PICTURE = ROOT / "README.md", ROOT / "docs" / "skeleton.svg"
PICTURED = "examples/skeleton.py:build_model"
BLOCK = re.compile(r"(<!-- output: (\S+) -->\n```text\n)(.*?)(```)", re.S)
WIDTH = 100


def printed(target: str, color: str = "never") -> str:
    """What `evalcheck TARGET` prints from the repository's root, 100 columns wide."""
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
    return done.stdout


def picture(output: str, command: str) -> str:
    """A terminal with the coloured output in it, as SVG made by rich."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, highlight=False)
    console.print(Text(f"$ {command}\n", style="bold"))
    console.print(Text.from_ansi(output))
    return console.export_svg(title="evalcheck", unique_id="evalcheck")


def blocks(readme: str) -> dict[str, str]:
    """The outputs that the README shows, by target."""
    return {target: text for _, target, text, _ in BLOCK.findall(readme)}


def main() -> None:
    PICTURE.write_text(picture(printed(PICTURED, "always"), f"evalcheck {PICTURED}"), "utf8")
    readme = BLOCK.sub(lambda m: m[1] + printed(m[2]) + m[4], README.read_text("utf8"))
    README.write_text(readme, "utf8")


if __name__ == "__main__":
    main()
