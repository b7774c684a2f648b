"""[tool.evalcheck] is checked key by key; what is not understood is said with the nearest name."""

from __future__ import annotations

import pytest

from evalcheck import settings
from evalcheck.complaint import Complaint


def loaded(tmp_path, text):
    file = tmp_path / "pyproject.toml"
    file.write_text(text, "utf8")
    return settings.load(file)


def test_everything_that_can_be_set(tmp_path):
    """Selection by rule and family, severities, options, exclusions."""
    chosen = loaded(
        tmp_path,
        """
        [tool.evalcheck]
        select = ["norm", "missing-eval"]
        ignore = ["shared-batchnorm"]
        exclude = ["tests"]
        frameworks = ["mylib.engine", "ours", "ours"]
        [tool.evalcheck.per-file-ignores]
        "demos/**" = ["norm", "missing-eval"]
        [tool.evalcheck.severity]
        missing-eval = "error"
        [tool.evalcheck.options.batch-size-dependent-eval]
        tolerance = 1e-3
        """,
    )
    names = {rule.name for rule in chosen.rules()}
    assert "missing-eval" in names
    assert "statistics-mismatch" in names
    assert not names & {"shared-batchnorm", "unseeded-rng"}
    assert chosen.severity == {"missing-eval": "error"}
    assert chosen.exclude == ("tests",)
    assert chosen.frameworks == ("mylib.engine", "ours")
    assert {"missing-eval", "statistics-mismatch"} <= chosen.per_file_ignores["demos/**"]
    assert chosen.root == tmp_path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tool.evalcheck]\nselct = []", ["no option 'selct' (did you mean 'select'?)"]),
        ("[tool.evalcheck]\nselect = ['missing-evl']", ["'missing-evl' (did you mean 'missing-eval'?)"]),
        ("[tool.evalcheck]\nselect = 'norm'", ["select must be a list of strings"]),
        (
            "[tool.evalcheck.severity]\nmissing-eval = 'fatal'",
            ["must be error, warning or note, not 'fatal'"],
        ),
        (
            "[tool.evalcheck.options.batch-size-dependent-eval]\ntolerence = 1",
            ["has no option 'tolerence' (did you mean 'tolerance'?)"],
        ),
        (
            "[tool.evalcheck.options.batch-size-dependent-eval]\nsamples = 'many'",
            ["options.batch-size-dependent-eval.samples must be like its default, 13"],
        ),
        ("[tool.evalcheck\n", ["not valid TOML"]),
        ("[tool.evalcheck]\nframeworks = 'mylib'", ["frameworks must be a list of strings"]),
        ("[tool.evalcheck]\nframeworks = ['my-lib']", ["'my-lib' is not the name of a package"]),
        ("[tool.evalcheck]\nper-file-ignores = ['a']", ["per-file-ignores must be a table"]),
        (
            "[tool.evalcheck.per-file-ignores]\n'a.py' = 'norm'",
            ["per-file-ignores of 'a.py' must be a list of strings"],
        ),
        ("[tool.evalcheck.per-file-ignores]\n'!a.py' = ['norm']", ["'!a.py' is no pattern of paths"]),
        (
            "[tool.evalcheck.per-file-ignores]\n'a.py' = ['missing-evl']",
            ["'missing-evl' (did you mean 'missing-eval'?)"],
        ),
    ],
)
def test_what_is_not_understood_is_named(tmp_path, text, words):
    """One line with the file, the key, and the nearest name."""
    with pytest.raises(Complaint) as caught:
        loaded(tmp_path, text)
    assert "pyproject.toml" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_the_nearest_file_with_the_table_is_taken(tmp_path):
    """A pyproject.toml without the table does not hide one above it."""
    (tmp_path / "pyproject.toml").write_text("[tool.evalcheck]\nignore = ['norm']\n")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert settings.locate(inner) == tmp_path / "pyproject.toml"


def test_files_have_rules_that_are_not_asked_there(tmp_path, monkeypatch):
    """Patterns are read from the settings' folder, wherever evalcheck is called from."""
    chosen = loaded(
        tmp_path,
        """
        [tool.evalcheck.per-file-ignores]
        "tests/**" = ["missing-eval"]
        "demo_*.py" = ["seeds"]
        "/setup.py" = ["missing-eval"]
        """,
    )
    (tmp_path / "tests").mkdir()
    seeds = frozenset(rule.name for rule in chosen.rules() if rule.family == "seeds")
    for folder, lead in ((tmp_path, ""), (tmp_path / "tests", "../")):
        monkeypatch.chdir(folder)
        assert chosen.ignored_in(f"{lead}tests/a/b.py") == {"missing-eval"}
        assert chosen.ignored_in(f"{lead}tests/demo_a.py") == seeds | {"missing-eval"}
        assert chosen.ignored_in(f"{lead}pkg/demo_a.py") == seeds
        assert chosen.ignored_in(f"{lead}pkg/setup.py") == frozenset()
        assert chosen.ignored_in(tmp_path / "setup.py") == {"missing-eval"}
        assert chosen.ignored_in(tmp_path.parent / "tests" / "a.py") == frozenset()


def test_other_files_of_settings_have_a_folder_too(tmp_path):
    """--config may name any file; without one there is no folder and nothing is left out."""
    (tmp_path / "own.toml").write_text("[per-file-ignores]\n'*.py' = ['missing-eval']\n")
    chosen = settings.load(tmp_path / "own.toml")
    assert chosen.root == tmp_path
    assert chosen.ignored_in(tmp_path / "a" / "b.py") == {"missing-eval"}
    assert settings.Settings().root is None
    assert settings.Settings(per_file_ignores={"*": frozenset(["x"])}).ignored_in("a.py") == frozenset()
