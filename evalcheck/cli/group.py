"""The command ``evalcheck``: finds its commands, takes a bare target for ``check``, ends in order."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any, cast

import click

from evalcheck import __version__
from evalcheck.cli.ending import say
from evalcheck.complaint import Complaint
from evalcheck.verdict import FAULT, INTERRUPTED, MISUSED

COMMANDS = ("check", "lint", "graph", "recalibrate", "explain", "rules")
OWN_OPTIONS = ("-h", "--help", "--version")


class Doors(click.Group):
    """A group whose commands are imported on call, and whose first word may be a target."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return cast("click.Command", import_module(f"evalcheck.cli.{cmd_name}").command)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*COMMANDS, *OWN_OPTIONS):
            args = ["check", *args]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Complaint as complaint:
            say(str(complaint))
            if complaint.detail:
                click.echo(complaint.detail, err=True)
            ctx.exit(MISUSED)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BrokenPipeError:
            # Whoever read has read enough; what is left in the buffer has no reader.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)
        except Exception as error:
            say(f"internal error: {type(error).__name__}: {error}; please report it (-v shows the traceback)")
            if ctx.meta.get("evalcheck.verbose") or os.environ.get("EVALCHECK_DEBUG") == "1":
                click.echo(traceback.format_exc(), err=True)
            ctx.exit(FAULT)


@click.group(
    cls=Doors,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="A bare `evalcheck TARGET` is `evalcheck check TARGET`.",
)
@click.version_option(__version__, prog_name="evalcheck")
def group() -> None:
    """Why is a PyTorch model good in train() and bad in eval(): which line, which layer, what cures it?"""
