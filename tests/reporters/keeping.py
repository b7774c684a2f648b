"""The outputs that are kept: EVALCHECK_GOLDEN=1 rewrites them, and the change is read in the diff."""

from __future__ import annotations

import os
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"


def kept(name: str, text: str, folder: Path = GOLDEN) -> str:
    """What the golden file of that name holds; the text itself becomes it if asked."""
    file = folder / f"{name}.txt"
    if os.environ.get("EVALCHECK_GOLDEN"):
        file.write_text(text, "utf8")
    return file.read_text("utf8")
