"""The command line: one module per command, loaded when it is called. Torch waits for ``check``."""

from __future__ import annotations


def main() -> None:
    """The ``evalcheck`` command."""
    import io
    import sys

    # A terminal that cannot show a sign shows another one, and not an error.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")

    if sys.argv[1:2] == ["lint"]:
        import gc

        from evalcheck.cli import quick

        gc.disable()  # the process is over before there is anything to collect
        status = quick.lint(sys.argv[2:])
        if status is not None:
            _leave(status)
        gc.enable()

    from evalcheck.cli.group import group

    group(prog_name="evalcheck")


def _leave(status: int) -> None:
    """End at once: to take thousands of trees apart takes longer than to let them go with the process."""
    import os
    import sys

    if not sys.stdout.closed:
        sys.stdout.flush()
    os._exit(status)
