"""The fixture ``evalcheck`` in a test run of its own."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, code: str) -> pytest.RunResult:
    """A fresh process, for what is imported matters; the plugin is there as if installed."""
    pytester.makepyfile(code)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    installed = any(point.name == "evalcheck" for point in entry_points(group="pytest11"))
    plugin = [] if installed else ["-p", "evalcheck.pytest_plugin"]
    return pytester.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", *plugin, timeout=120)


def test_a_failing_report_is_what_the_test_shows(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole report stands in the failure, and no frame of evalcheck's."""
    result = run(
        pytester,
        monkeypatch,
        """
        import evalcheck as package
        from evalcheck.finding import Finding, Place, Report, Sighting

        seen = Sighting("probe", Place(module="block.bn"), "its statistics are not those of the data")
        report = Report("model", (Finding("statistics-mismatch", "norm", "error", (seen,)),))

        def test_model(evalcheck, monkeypatch):
            monkeypatch.setattr(package, "check", lambda *args, **kwargs: report, raising=False)
            evalcheck(None, loader=[]).assert_ok()
        """,
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: evalcheck found faults in model*",
            "*block.bn: error [[]statistics-mismatch[]] its statistics are not those of the data*",
        ]
    )
    result.stdout.no_fnmatch_line("*finding.py*")


def test_torch_is_imported_when_the_fixture_is_called(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tests that do not call it do not pay for it."""
    result = run(
        pytester,
        monkeypatch,
        """
        import sys

        def test_asking_for_the_fixture_imports_nothing(evalcheck):
            assert "torch" not in sys.modules

        def test_calling_it_checks(evalcheck):
            from torch import nn, randn

            model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
            report = evalcheck(model, [randn(8, 4) for _ in range(4)], seed=1)
            report.assert_ok()
            assert "torch" in sys.modules
        """,
    )
    result.assert_outcomes(passed=2)
