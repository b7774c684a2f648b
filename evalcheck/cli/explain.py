"""``evalcheck explain RULE``: the rule's page."""

from __future__ import annotations

import sys

import click

from evalcheck import rulebook


@click.command()
@click.argument("rule")
def command(rule: str) -> None:
    """Print the page of a rule: what it means, why it matters, what is flagged and what is fine.

    Of a family it lists the rules.
    """
    family = [known for known in rulebook.load().values() if known.family == rule]
    if family:
        page = f"# {rule}\n\n" + "".join(f"- `{known.name}`: {known.summary}\n" for known in family)
    else:
        page = rulebook.find(rule).shown
    if not sys.stdout.isatty():
        click.echo(page, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(page))
