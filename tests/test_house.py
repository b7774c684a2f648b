"""The house keeps its own rules: sizes, imports, what ships, what starts without torch."""

from __future__ import annotations

import ast
import os
import re
import statistics
import subprocess
import sys
import zipfile
from itertools import chain
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted((ROOT / "evalcheck").rglob("*.py"))
NAMELESS = {"utils", "util", "common", "misc", "helpers", "helper", "base"}


def lines(file: Path) -> int:
    return file.read_text("utf8").count("\n")


def test_files_are_short():
    """Median under 100 lines, none over 400."""
    assert statistics.median(lines(file) for file in FILES) < 100
    assert [file.name for file in FILES if lines(file) > 400] == []


def test_a_check_judges_and_does_little_else():
    """None has more than 60 lines: what sees stands in the room of its layer."""
    checks = sorted((ROOT / "evalcheck" / "checks").glob("*/*.py"))
    assert len(checks) > 10
    assert {f"{file.parent.name}/{file.name}": lines(file) for file in checks if lines(file) > 60} == {}


def test_functions_can_be_seen_at_once():
    """None has more than 60 lines."""
    long = [
        f"{file.relative_to(ROOT)}:{node.name}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text("utf8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno + 1 > 60
    ]
    assert long == []


def test_a_function_has_one_home():
    """No room holds the same function, of more than one statement, twice."""
    homes: dict[tuple[Path, str], list[str]] = {}
    for file in FILES:
        for node in ast.walk(ast.parse(file.read_text("utf8"))):
            if isinstance(node, ast.FunctionDef) and len(node.body) > 1:
                homes.setdefault((file.parent, ast.dump(node)), []).append(f"{file.name}:{node.name}")
    twice = [where for (_, code), where in homes.items() if len(where) > 1 and len(code) > 300]
    assert twice == []


def test_names_say_what_a_file_holds():
    """No utils, common, base, misc, helpers."""
    assert [file for file in FILES if file.stem in NAMELESS] == []


def test_every_module_says_what_its_room_is_for():
    """A docstring at the head of every file that holds code."""
    bare = [
        f
        for f in FILES
        if f.read_text("utf8").strip() and not ast.get_docstring(ast.parse(f.read_text("utf8")))
    ]
    assert bare == []


def test_pages_are_short():
    """A page of rules has at most 160 lines."""
    assert [p.name for p in (ROOT / "rules").glob("*.md") if lines(p) > 160] == []


def test_imports_go_downward():
    """import-linter's contracts hold, among them that the reader never reaches torch."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import evalcheck",
        "import evalcheck.pytest_plugin",
        "from evalcheck.cli import main",
        "import evalcheck; evalcheck.lint('evalcheck/verdict.py')",
    ],
)
def test_these_start_without_torch(code):
    """What a reader's environment runs must not need torch, nor load it where it is."""
    program = f"{code}\nimport sys\nassert 'torch' not in sys.modules, 'torch was imported'"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_wheel_holds_every_page_and_the_schema(tmp_path):
    """What is installed is what stands in the checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = set(wheel.namelist())
        for page in (ROOT / "rules").glob("*.md"):
            assert wheel.read(f"evalcheck/rules/{page.name}") == page.read_bytes()
    assert {"evalcheck/py.typed", "evalcheck/reporters/schema.json"} <= names
    assert not [name for name in names if name.startswith(("tests/", "examples/"))]


def test_constraints_pin_everything_that_is_declared():
    """A fresh environment gets the versions that the tests ran with."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["project"]
    wanted = list(chain(project["dependencies"], *project["optional-dependencies"].values()))
    pins = (ROOT / "constraints.txt").read_text("utf8")
    for requirement in wanted:
        name = re.split(r"[<>=]", requirement)[0].strip()
        assert re.search(rf"^{re.escape(name)}==", pins, re.M | re.I), name
    assert "torch==2.13.0" in pins


def test_the_hooks_name_commands_that_exist():
    """pre-commit would only find out at the user's."""
    text = (ROOT / ".pre-commit-hooks.yaml").read_text("utf8")
    assert re.findall(r"^- id: (\S+)", text, re.M) == ["evalcheck", "evalcheck-model"]
    assert "language: python" in text
    assert "language: system" in text
    assert "pre-push" in text


def test_the_reader_starts_fast_enough_to_be_a_hook():
    """Not a timed test: it only holds the imports down that cost the most."""
    program = (
        "import sys; from evalcheck.cli import main\n"
        "sys.argv = ['evalcheck', 'lint', 'evalcheck/verdict.py']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'jinja2', 'asyncio', 'multiprocessing'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stderr
