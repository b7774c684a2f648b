"""``FILE.py:ATTR`` as a model, and every way in which it cannot be one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from torch import nn

from evalcheck.cli import attributes, target
from evalcheck.complaint import Complaint
from tests.cli.calling import refused, write

pytestmark = pytest.mark.usefixtures("stub")


@pytest.mark.parametrize("name", ["Net", "build_model", "model", "Holder.inner"])
def test_a_model_is_a_class_a_function_or_there_already(folder: Path, name: str) -> None:
    """An attribute may be dotted."""
    with (folder / "net.py").open("a") as file:
        file.write("\nclass Holder:\n    inner = Net()\n")
    found = target.load(f"net.py:{name}")
    assert isinstance(found.model, nn.Module)
    assert (found.name, found.module.__name__) == (f"net.py:{name}", "net")
    assert found.files == (Path("net.py"),)


def test_a_target_may_be_a_module_of_a_package(folder: Path) -> None:
    """Found from the current folder; the files of base classes and parts are the user's files too."""
    write(folder, "pack/__init__.py", "")
    write(folder, "pack/parts.py", "from torch import nn\n\nclass Part(nn.Linear):\n    pass\n")
    write(
        folder,
        "pack/whole.py",
        "from torch import nn\nfrom .parts import Part\nNet = lambda: nn.Sequential(Part(1, 1))\n",
    )
    assert target.load("pack.whole:Net").files == (Path("pack/whole.py"), Path("pack/parts.py"))


def test_a_file_is_imported_as_python_would_run_it(folder: Path) -> None:
    """Its folder is importable, its name is its stem, and it stands in ``sys.modules``."""
    write(folder, "deep/beside.py", "SIZE = 4\n")
    write(
        folder,
        "deep/top.py",
        """
        import sys
        from dataclasses import dataclass
        from torch import nn
        import beside

        NAME, ARGUMENTS = __name__, list(sys.argv)

        @dataclass
        class Options:
            size: int = beside.SIZE

        def build():
            return nn.Linear(Options().size, 1)
        """,
    )
    before = list(sys.argv)
    found = target.load("deep/top.py:build")
    assert sys.modules["top"] is found.module
    assert (found.module.NAME, found.module.ARGUMENTS) == ("top", ["deep/top.py"])
    assert sys.argv == before


def test_a_file_named_like_a_loaded_module_does_not_replace_it(folder: Path) -> None:
    """``random.py`` of the user's is not python's."""
    import random

    write(folder, "random.py", "from torch import nn\nNet = lambda: nn.Linear(1, 1)\n")
    assert isinstance(target.load("random.py:Net").model, nn.Linear)
    assert sys.modules["random"] is random


def test_a_file_is_imported_once(folder: Path) -> None:
    """The loaders come from the same module as the model."""
    assert target.load("net.py:Net").module is target.load("./net.py:Net").module


def test_installed_files_are_not_the_users(folder: Path) -> None:
    """A model of a library has no source file to read."""
    assert target.load("torch.nn:Flatten").files == ()


def test_a_target_splits_at_its_last_colon() -> None:
    """A Windows drive has a colon of its own, and it is followed by no name."""
    assert attributes.split(r"C:\work\net.py:Net") == (r"C:\work\net.py", "Net")
    with pytest.raises(Complaint, match="is not a target"):
        attributes.split(r"C:\work\net.py")


def test_what_the_users_code_prints_goes_to_stderr(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout may have to hold JSON alone."""
    write(
        folder,
        "loud.py",
        "from torch import nn\nprint('importing')\n"
        "def build():\n    print('building')\n    return nn.Flatten()\n",
    )
    target.load("loud.py:build")
    assert capsys.readouterr() == ("", "importing\nbuilding\n")


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (
            "net.py:Modle",
            "net.py has no attribute 'Modle' (did you mean 'model'?); it has Net, Wide, build_model, model",
        ),
        ("net.py:model.lyer", "net.py:model has no attribute 'lyer' (did you mean 'layer'?); it has layer"),
        ("gone.py:Net", "gone.py does not exist"),
        ("net.txt:Net", "net.txt is not a Python file"),
        ("gone.deep:Net", "there is no module 'gone' to import from {here}"),
        (
            "net.py:build-model",
            "'net.py:build-model' is not a target: it must be FILE.py:ATTR or package.module:ATTR",
        ),
        ("gone.py", "gone.py does not exist; a target is a path, FILE.py:ATTR or package.module:ATTR"),
        (
            "lnit",
            "lnit does not exist (did you mean 'lint'?); "
            "a target is a path, FILE.py:ATTR or package.module:ATTR",
        ),
        ("net.py:WIDTH", "net.py:WIDTH is an int, not an nn.Module and not a function that makes one"),
        ("net.py:nn", "net.py:nn is the module torch.nn, not an nn.Module and not a function that makes one"),
        ("odd.py:pair", "odd.py:pair() gives a tuple, not an nn.Module"),
        ("odd.py:nothing", "odd.py:nothing() gives None, not an nn.Module"),
        (
            "net.py:Wide",
            "net.py:Wide needs the arguments width, depth; name something that needs none, such as "
            "`def build_model(): return Net(10)`",
        ),
    ],
)
def test_a_wrong_target_is_refused_in_one_line(folder: Path, spec: str, line: str) -> None:
    """The line names the thing and the way out."""
    write(folder, "odd.py", "pair = lambda: (1, 2)\ndef nothing(): pass\n")
    write(folder, "net.txt", "")
    assert refused(spec) == f"evalcheck: {line.format(here=folder)}\n"


def test_a_factory_that_raises_shows_the_users_frames(folder: Path) -> None:
    """And neither ours nor the import machinery's."""
    write(
        folder,
        "bad.py",
        "def build():\n    return inner()\n\ndef inner():\n    raise ValueError('no weights')\n",
    )
    file = folder / "bad.py"
    assert refused("bad.py:build") == (
        "evalcheck: bad.py:build() failed: ValueError: no weights\n"
        f'  File "{file}", line 2, in build\n    return inner()\n           ^^^^^^^\n'
        f"  File \"{file}\", line 5, in inner\n    raise ValueError('no weights')\n"
        "ValueError: no weights\n"
    )


def test_a_file_that_does_not_import_shows_the_users_frames(folder: Path) -> None:
    """A module that is missing, of a file and of a package."""
    write(folder, "bad.py", "import no_such_library\n")
    detail = f'  File "{folder / "bad.py"}", line 1, in <module>\n    import no_such_library\n'
    error = "ModuleNotFoundError: No module named 'no_such_library'\n"
    assert refused("bad.py:Net") == f"evalcheck: bad.py does not import: {error}{detail}{error}"
    assert refused("bad:Net") == f"evalcheck: bad does not import: {error}{detail}{error}"
    assert "bad" not in sys.modules


def test_a_syntax_error_shows_its_line(folder: Path) -> None:
    """The place is the user's; there are no frames to show."""
    write(folder, "bad.py", "def build(:\n    pass\n")
    said = refused("bad.py:build").splitlines()
    assert said[0] == "evalcheck: bad.py does not import: SyntaxError: invalid syntax (bad.py, line 1)"
    assert said[1:] == [
        f'  File "{folder / "bad.py"}", line 1',
        "    def build(:",
        "              ^",
        "SyntaxError: invalid syntax",
    ]


def test_a_file_inside_a_package_is_told_how_to_be_named(folder: Path) -> None:
    """Relative imports need the package."""
    write(folder, "pack/__init__.py", "")
    write(folder, "pack/inner.py", "from . import other\n")
    assert refused("pack/inner.py:Net").startswith(
        "evalcheck: pack/inner.py does not import: ImportError: attempted relative import with no known "
        "parent package; it is part of a package: name it package.module:ATTR\n"
    )


@pytest.mark.parametrize("code", ["import sys\nsys.exit(3)\n", "raise SystemExit(3)\n"])
def test_a_module_that_exits_does_not_end_evalcheck(folder: Path, code: str) -> None:
    """A script without a main guard is told of it."""
    write(folder, "script.py", code)
    said = refused("script.py:Net")
    assert said.startswith(
        "evalcheck: script.py does not import: it calls sys.exit(3); keep that under "
        "if __name__ == '__main__'\n"
    )


def test_a_missing_torch_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "torch", None)
    assert refused("net.py:Net") == "evalcheck: this needs torch: pip install 'torch-evalcheck[torch]'\n"
