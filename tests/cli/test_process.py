"""What only a process of its own can show: which modules are loaded, pipes, the real examination."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import write

ROOT = Path(__file__).parents[2]


def start(*args: str, cwd: Path, code: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(["-c", code] if code else ["-m", "evalcheck"]), *args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60)


SPY = """
import sys
from evalcheck.cli import main
try:
    main()
except SystemExit:
    pass
print(sorted({"torch", "numpy"} & set(sys.modules)), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [["--help"], ["lint", "--fail-on", "note", "."], ["explain", "nondeterministic-eval-data"], ["rules"]],
)
def test_reading_commands_never_import_torch(folder: Path, words: list[str]) -> None:
    """Nor numpy: they work where neither is installed, and start fast."""
    assert start(*words, cwd=folder, code=SPY).stderr.splitlines()[-1] == "[]"


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    """As with ``| head -1``."""
    read, write_end = os.pipe()
    os.close(read)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "evalcheck", "lint", "net.py"]
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=write_end, stderr=subprocess.PIPE, timeout=60
    )
    os.close(write_end)
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_model_is_examined_from_its_file(folder: Path) -> None:
    """The whole way, once: JSON alone on stdout, although the user's code prints."""
    write(
        folder,
        "small.py",
        """
        import torch
        from torch import nn
        from torch.utils.data import DataLoader, TensorDataset

        print("importing")

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.layers = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))

            def forward(self, x):
                print("running")
                return self.layers(x)

        def eval_loader():
            return DataLoader(TensorDataset(torch.randn(32, 4), torch.arange(32) % 3), batch_size=8)
        """,
    )
    done = start("small.py:Net", "--format", "json", cwd=folder)
    report = json.loads(done.stdout)
    assert report["schema"] == 1
    assert "importing" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 1)


def test_a_refusal_needs_no_examination(folder: Path) -> None:
    """The same line and status as in process."""
    done = start("net.py:Modle", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "evalcheck: net.py has no attribute 'Modle' (did you mean 'model'?); "
        "it has Net, Wide, build_model, model\n"
    )
