"""``--stdin-filename``: an editor's text, read as if it were the file of that name."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from evalcheck.checkup import reading
from evalcheck.cli.ending import finish, say
from evalcheck.finding import Report
from evalcheck.rewriting import tally
from evalcheck.verdict import CLEAN, FOUND, MISUSED, exit_status

if TYPE_CHECKING:
    from evalcheck.cli.lint import Manner
    from evalcheck.cli.options import Choice, Output


def lint(name: str, choice: Choice, output: Output, how: Manner) -> int:
    """Report on stdin; with ``--fix`` the mended text goes to stdout, and a line on it to stderr."""
    data, settings = sys.stdin.buffer.read(), choice.settings(Path(name))
    if not how.mends:
        return finish([reading.lint_text(name, data, settings)], output)
    from evalcheck.checkup import mending
    from evalcheck.cli.mending import show

    unread = reading.lint_text(name, data, settings).unread
    if unread:
        if not how.diff:
            sys.stdout.buffer.write(data)  # an editor puts what it gets in the place of what it gave
        for reason in unread:
            say(reason)
        return MISUSED
    file = mending.text(name, data, settings, unsafe=how.unsafe_fixes)
    line = tally([file], written=not how.diff)
    if line and not output.quiet:
        say(line)
    if how.diff:
        show([file])
        return FOUND if file.changed else CLEAN
    sys.stdout.buffer.write(file.after)
    sys.stdout.buffer.flush()
    return exit_status(Report(name, findings=file.left), output.fail_on)
