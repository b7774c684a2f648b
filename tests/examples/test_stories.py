"""Each story is true by hand, explained and cured by evalcheck, well where mended, and shown as it is."""

from __future__ import annotations

import copy
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import update_bn

from tests.examples.figures import differences

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "stories.md").read_text("utf8")
spec = importlib.util.spec_from_file_location("refresh", ROOT / "docs" / "refresh.py")
refresh = importlib.util.module_from_spec(spec)
spec.loader.exec_module(refresh)


class Story(NamedTuple):
    """What must be said of a broken model, and what is right in eval mode (shares of the samples)."""

    name: str
    rule: str
    cause: str
    cure: str
    broken: tuple[float, float]
    mended: float


STORIES = [
    Story("skeleton", "shared-batchnorm", "called twice", "a norm per branch", (0.70, 0.78), 0.96),
    Story(
        "sounds",
        "averaged-weights-stale-statistics",
        "running statistics",
        "recomputing the running",
        (0.4, 0.6),
        0.96,
    ),
    Story("cells", "dropout-before-batchnorm", "dropout", "recomputing the running", (0.6, 0.75), 0.93),
    Story("reader", "attention-dropout-ungated", "block.attention", "gating the dropout", (0.85, 0.96), 0.98),
    Story(
        "camera", "preprocessing-mismatch", "evaluation inputs", "statistics of its own", (0.15, 0.4), 0.98
    ),
]
stories = pytest.mark.parametrize("story", STORIES, ids=[story.name for story in STORIES])


def target(name):
    return f"examples/{name}.py:build_model"


def stale(wanted):
    """The blocks of that target that differ from what is printed; `python docs/refresh.py` mends them."""
    kinds = [(kind, text) for kind, shown, text in refresh.passages(PAGE) if shown == wanted]
    assert kinds
    return [d for kind, text in kinds for d in differences(text, refresh.shown(kind, wanted))]


@stories
def test_a_broken_model_is_explained_and_cured_as_the_page_shows(story):
    """Exit status 1; the cause; the fault by its rule; a cure in the answer and among what was tried."""
    status, output = refresh.run(target(story.name))
    answer = " ".join(refresh.answer(output).split())
    assert status == 1
    assert story.cause in re.search(r"Cause: (.*?) Cure:", answer)[1]
    assert story.cure in re.search(r"Cure: (.*?) Next:", answer)[1]
    assert re.search(rf"^(error|warning) {story.rule}:", output, re.M)
    tried = " ".join(output.split("\nTried on this model")[1].split())
    assert re.search(rf" cures (?:(?! helps | makes it worse | no ).)*{story.cure}", tried)
    assert stale(target(story.name)) == []


@stories
def test_a_mended_model_is_well_as_the_page_shows(story):
    """Exit status 0 and nothing found above a note."""
    mended = target(f"{story.name}_mended")
    status, output = refresh.run(mended)
    assert status == 0
    assert not re.search(r"^(error|warning) ", output, re.M)
    assert "Cause:" not in output
    assert stale(mended) == []


@pytest.fixture
def example(monkeypatch):
    """Imports an example as its neighbours do."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if (ROOT / "examples" / f"{name}.py").exists():
            del sys.modules[name]


@torch.no_grad()
def right(model, loader):
    """The share of the loader's samples that the model names rightly, in the mode that it is in."""
    torch.manual_seed(0)
    answers = [(model(inputs).argmax(1) == targets).float() for inputs, targets in loader]
    return torch.cat(answers).mean().item()


def batch_statistics(model):
    """Batch norms on the batch, everything else in eval mode."""
    model.eval()
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.train()
    return model


@stories
def test_a_story_is_true_without_evalcheck(story, example):
    """Eval mode is as bad as told; the mended model is good."""
    broken, mended = example(story.name), example(f"{story.name}_mended")
    low, high = story.broken
    assert low <= right(broken.build_model().eval(), broken.eval_loader()) <= high
    assert right(mended.build_model().eval(), mended.eval_loader()) >= story.mended


@pytest.mark.parametrize("name", ["skeleton", "sounds", "cells", "camera"])
def test_batch_statistics_hide_the_fault_of_a_norm(name, example):
    """The same weights on the same data: only the statistics are wrong."""
    module = example(name)
    model = module.build_model()
    lost = right(copy.deepcopy(model).eval(), module.eval_loader())
    assert right(batch_statistics(model), module.eval_loader()) > lost + 0.15


def test_dropout_before_norms_costs_on_the_training_data_too(example):
    """What the page says: 85 % with dropout, 70 % after eval()."""
    cells = example("cells")
    model = cells.build_model()
    assert right(copy.deepcopy(model).train(), cells.train_loader()) == pytest.approx(0.85, abs=0.02)
    assert right(model.eval(), cells.train_loader()) == pytest.approx(0.70, abs=0.02)


def test_recomputed_statistics_help_the_cells(example, tmp_path):
    """The page's command, and by hand that it helps and that torch's update_bn does not."""
    command = re.search(r"^    evalcheck (recalibrate examples/cells.* --output) \S+$", PAGE, re.M)[1].split()
    output = tmp_path / "new.pt"
    subprocess.run(
        [sys.executable, "-m", "evalcheck", *command, str(output)], cwd=ROOT, check=True, capture_output=True
    )
    cells = example("cells")
    model = cells.build_model()
    lost = right(copy.deepcopy(model).eval(), cells.eval_loader())
    torch.manual_seed(0)
    with_dropout = copy.deepcopy(model)
    update_bn(cells.train_loader(), with_dropout)
    assert right(with_dropout.eval(), cells.eval_loader()) < lost + 0.05
    model.load_state_dict(torch.load(output, weights_only=True))
    assert right(model.eval(), cells.eval_loader()) > lost + 0.2


def test_attention_answers_differently_each_time(example):
    """In eval mode, which is what no other story does."""
    reader = example("reader")
    model = reader.build_model().eval()
    words, _ = next(iter(reader.eval_loader()))
    with torch.no_grad():
        assert not torch.equal(model(words), model(words))


@stories
def test_the_changes_shown_are_those_of_the_files(story):
    """Each line of a diff and of the wrong code stands in the file that it is of."""
    part = next(p for p in PAGE.split("\n## ") if f"<!-- output: {target(story.name)} -->" in p)
    broken = (ROOT / "examples" / f"{story.name}.py").read_text("utf8")
    mended = (ROOT / "examples" / f"{story.name}_mended.py").read_text("utf8")
    assert re.search(r"```python\n(.*?)```", part, re.S)[1] in broken
    changes = re.search(r"```diff\n(.*?)```", part, re.S)[1].splitlines()
    assert [line for line in changes if line[0] == "-" and line[1:] not in broken.splitlines()] == []
    assert [line for line in changes if line[0] == "+" and line[1:] not in mended.splitlines()] == []


def test_the_kept_weights_are_small():
    """They are in the repository; each below 100 kB."""
    weights = sorted((ROOT / "examples").glob("*.pt"))
    assert len(weights) == 9
    assert [file.name for file in weights if file.stat().st_size > 100_000] == []
