"""Calls the command line in this process, and what stands in for the examination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

from click.testing import CliRunner, Result

from evalcheck.cli.group import group
from evalcheck.finding import Finding, Place, Report, Sighting

NET = """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x):
            return self.layer(x)

    class Wide(nn.Module):
        def __init__(self, width, depth, act=None):
            super().__init__()

    def build_model():
        return Net()

    model = Net()
    WIDTH = 3
"""


def finding(severity: Any = "warning", rule: str = "missing-eval") -> Finding:
    """One made-up finding."""
    return Finding(rule, "mode", severity, (Sighting("source", Place(module="a"), "it is so"),))


@dataclass
class Stub:
    """Stands in for the examination: keeps what it was called with, gives a report set beforehand."""

    report: Report = field(default_factory=lambda: Report("stub"))
    calls: list[dict[str, Any]] = field(default_factory=list)
    during: Callable[[], object] = lambda: None

    def check(self, model: Any, loader: Any = None, train_loader: Any = None, **others: Any) -> Report:
        self.calls.append({"model": model, "loader": loader, "train_loader": train_loader, **others})
        self.during()
        return self.report

    def lint(self, paths: Any, settings: Any, **others: Any) -> Report:
        self.calls.append({"paths": list(paths), "settings": settings})
        self.during()
        return self.report

    def render(self, report: Report, format: str, **others: Any) -> str:
        self.calls.append({"rendered": format, **others})
        return f"{report.target}: {len(report.findings)} in {format}"


def run(*args: str, **others: Any) -> Result:
    """The command, in this process."""
    return CliRunner().invoke(group, list(args), prog_name="evalcheck", **others)


def refused(*args: str) -> str:
    """What the command says on stderr when it refuses its input: status 2, no traceback of ours."""
    result = run(*args)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback (most recent call last)" not in result.stderr
    return result.stderr


def write(folder: Path, name: str, text: str) -> None:
    """A file of the user's."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(dedent(text))
