"""What was recalibrated is no longer accused of what it was recalibrated for."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

import evalcheck

EXAMPLES = Path(__file__).resolve().parent.parent.parent / "examples"


@pytest.mark.parametrize("story", ["cells", "sounds"])
def test_a_recalibrated_model_is_clean(story):
    """Dropout off is what the statistics were taken with: they are not those that training tends to."""
    spec = importlib.util.spec_from_file_location(story, EXAMPLES / f"{story}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.build_model()
    evalcheck.recalibrate(model, module.train_loader())
    report = evalcheck.check(model, module.eval_loader(), module.train_loader())
    assert report.at_least("warning") == ()
