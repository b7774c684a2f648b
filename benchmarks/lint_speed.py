"""How long `evalcheck lint` takes beside ruff, and beside flake8 with TorchFix.

    python benchmarks/lint_speed.py [--flake8] [--rounds 5] [--folder FOLDER]

Fetches timm and transformers from PyPI into FOLDER (once), and installs flake8 with TorchFix in an
environment of its own there if `--flake8` is given: that takes minutes for timm alone, so transformers is
left out for it. ruff is the one on the PATH, with its default rules. Tools take turns within one round, so
that what else the machine does hits all of them alike. CPU time is user and system time of the process and
its children; the median of the rounds is shown.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("timm==1.0.31", "transformers==5.20.2")
TORCHFIX = ("flake8==7.*", "torchfix==0.7.0")
SMALL = '''import torch
from torch import nn


class Net(nn.Module):
    """A small net, as a hook meets it at a commit."""

    def __init__(self, width: int = 32, rate: float = 0.1) -> None:
        super().__init__()
        self.first = nn.Linear(16, width)
        self.norm = nn.BatchNorm1d(width)
        self.drop = nn.Dropout(rate)
        self.last = nn.Linear(width, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))


@torch.no_grad()
def evaluate(model: Net, loader) -> float:
    model.eval()
    right = sum((model(x).argmax(1) == y).sum().item() for x, y in loader)
    return right / len(loader.dataset)
'''


@dataclass
class Taken:
    """Seconds of one command, over the rounds, and its largest memory in MB."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    memory: float = 0.0


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--flake8", action="store_true", help="with flake8 and TorchFix too (slow)")
    arguments.add_argument("--rounds", type=int, default=5)
    usual = Path(tempfile.gettempdir()) / "evalcheck-lint-speed"
    arguments.add_argument("--folder", type=Path, default=usual)
    chosen = arguments.parse_args()
    folder: Path = chosen.folder.resolve()
    trees = [_fetched(folder, package) for package in PACKAGES]
    small = folder / "small" / "net.py"
    small.parent.mkdir(parents=True, exist_ok=True)
    small.write_text(SMALL)
    lint = [_beside("evalcheck"), "lint"]
    ruff = [_beside("ruff"), "check", "--isolated", "--quiet"]
    both = [str(tree) for tree in trees]
    _table(
        f"{', '.join(PACKAGES)}: {_files(trees):,} files, cold",
        {"ruff": [*ruff, "--no-cache", *both], "evalcheck": [*lint, "--no-cache", *both]},
        chosen.rounds,
        folder,
    )
    _table(
        "one small file, cold and known from before",
        {
            "python -c pass": [sys.executable, "-c", "pass"],
            "ruff": [*ruff, "--no-cache", str(small)],
            "evalcheck": [*lint, "--no-cache", str(small)],
            "evalcheck, warm": [*lint, str(small)],
        },
        4 * chosen.rounds,
        small.parent,
    )
    _table(
        f"{PACKAGES[1]}, known from before",
        {"ruff, warm": [*ruff, both[1]], "evalcheck, warm": [*lint, both[1]]},
        chosen.rounds,
        folder,
    )
    if chosen.flake8:
        flake8 = [str(_torchfix(folder)), "--isolated", "--select", "TOR", "-j1"]
        commands = {"evalcheck": [*lint, "--no-cache", both[0]], "flake8 + TorchFix": [*flake8, both[0]]}
        _table(f"{PACKAGES[0]}, cold", commands, 1, folder)


def _table(title: str, commands: dict[str, list[str]], rounds: int, folder: Path) -> None:
    taken = {name: Taken() for name in commands}
    for name, command in commands.items():  # files and caches as they are from then on
        if name != "flake8 + TorchFix":
            _run(command, folder, Taken())
    for _ in range(rounds):
        for name, command in commands.items():
            _run(command, folder, taken[name])
    first = next(iter(taken.values()))
    print(f"\n{title}\n{'':24}{'CPU s':>9}{'ratio':>8}{'wall s':>9}{'ratio':>8}{'MB':>7}")
    for name, one in taken.items():
        cpu, wall = statistics.median(one.cpu), statistics.median(one.wall)
        by_cpu, by_wall = cpu / statistics.median(first.cpu), wall / statistics.median(first.wall)
        print(f"{name:24}{cpu:9.3f}{by_cpu:8.2f}{wall:9.3f}{by_wall:8.2f}{one.memory:7.0f}", flush=True)


def _run(command: list[str], folder: Path, taken: Taken) -> None:
    start = time.perf_counter()
    # As on a user's machine: what Python and evalcheck compile is kept.
    usual = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(
        command, cwd=folder, env=usual, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = process.communicate() if process.stderr is None else (None, process.stderr.read())
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} ended with {process.returncode}: {said.decode()[-500:]}")
    taken.wall.append(time.perf_counter() - start)
    taken.cpu.append(used.ru_utime + used.ru_stime)
    taken.memory = max(taken.memory, _megabytes(used))


def _megabytes(used: resource.struct_rusage) -> float:
    return used.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def _beside(tool: str) -> str:
    """A tool of the environment that runs this script, else of the PATH."""
    here = Path(sys.executable).with_name(tool)
    return str(here) if here.exists() else tool


def _fetched(folder: Path, package: str) -> Path:
    tree = folder / package.replace("==", "-")
    if not tree.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(tree), package], check=True)
    return tree


def _torchfix(folder: Path) -> Path:
    home = folder / "torchfix"
    if not (home / "bin" / "flake8").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *TORCHFIX], check=True)
    return home / "bin" / "flake8"


def _files(trees: list[Path]) -> int:
    return sum(1 for tree in trees for _ in tree.rglob("*.py"))


if __name__ == "__main__":
    main()
