"""``--fix`` and ``--diff``: what the reader found is put right, or it is shown how it would be."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalcheck.cli.ending import say
from evalcheck.finding import Report
from evalcheck.rewriting import Rewritten, Unwritable, difference, tally, write
from evalcheck.settings import Settings
from evalcheck.source import walk
from evalcheck.verdict import CLEAN, FOUND, MISUSED

if TYPE_CHECKING:
    from evalcheck.cli.lint import Manner
    from evalcheck.cli.options import Output

Lint = Callable[[list[Path], Settings], Report]


def mend(projects: Sequence[tuple[list[Path], Settings]], lint: Lint, output: Output, how: Manner) -> int:
    """Write the fixes, or print them as a patch; 1 if a patch is not empty, 2 if a file cannot be written."""
    from evalcheck.checkup import mending

    done, refused = list[Rewritten](), CLEAN
    for paths, settings in projects:
        report = lint(paths, settings)
        for file in mending.mended(report, settings, walk.roots(paths), unsafe=how.unsafe_fixes):
            try:
                if how.fix and not how.diff:
                    write(file)
                done.append(file)
            except Unwritable as reason:
                say(str(reason))
                refused = MISUSED
    line = tally(done, written=not how.diff)
    if how.diff:
        show(done)
        refused = FOUND if any(file.changed for file in done) else CLEAN
    if line and not output.quiet:
        say(line)
    return refused


def show(files: Sequence[Rewritten]) -> None:
    """The patch on stdout, in the bytes of the files."""
    for file in files:
        if file.changed:
            sys.stdout.buffer.write(difference(file))
    sys.stdout.buffer.flush()
