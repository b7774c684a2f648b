"""``evalcheck rules``: the list of all rules."""

from __future__ import annotations

import sys

import click

from evalcheck import rulebook


@click.command()
def command() -> None:
    """List the rules: name, family, severity, the layers that look for it, what it means."""
    if not sys.stdout.isatty():
        for rule in rulebook.load().values():
            facts = (rule.name, rule.family, rule.severity, ",".join(rule.layers), rule.summary)
            click.echo("\t".join(facts))
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for header in ("rule", "family", "severity"):
        table.add_column(header, no_wrap=True)
    table.add_column("layers")
    table.add_column("summary")
    for rule in rulebook.load().values():
        table.add_row(rule.name, rule.family, rule.severity, ", ".join(rule.layers), rule.summary)
    Console().print(table)
