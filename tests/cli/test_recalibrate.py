"""``evalcheck recalibrate``: what it prints, what it writes, what it refuses."""

from __future__ import annotations

import builtins
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from evalcheck.cli import saving, weights
from evalcheck.guard.bits import same_bits
from tests.cli.calling import refused, run, write

NORMED = """
    import torch
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU())
            self.head = nn.Linear(8, 2)
            self.tied = nn.Linear(8, 2)
            self.tied.weight = self.head.weight

        def forward(self, x):
            print("hello")
            return self.head(self.body(x))

    def batches(count, seed):
        draw = torch.Generator().manual_seed(seed)
        x = 5 * torch.randn(count, 4, generator=draw) + 3
        return list(zip(x.split(50), (x[:, 0] > 3).long().split(50)))

    def build_model():
        torch.manual_seed(1)
        net = Net()
        for _ in range(3):
            for x, y in batches(1000, 0):
                net.zero_grad()
                nn.functional.cross_entropy(net.head(net.body(x)), y).backward()
                for weight in net.head.parameters():
                    weight.data -= 0.5 * weight.grad
        net.zero_grad()
        net.body[1].bias.data[:4] += 0.01  # as training would have moved it
        net.body[1].reset_running_stats()
        return net

    def good_model():
        net = build_model()
        net.body[1].momentum = None
        for x, y in batches(1000, 0):
            net.body(x)
        return net

    def train_loader():
        return batches(1000, 0)

    def eval_loader():
        return batches(300, 1)

    def wrong_data():
        return [(x * 0.01 + 100, y) for x, y in batches(1000, 0)]

    def nothing():
        return []

    def share(outputs, targets):
        return (outputs.argmax(1) == targets).float().mean()

    share.higher_is_better = True

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)
            self.norm.bias.data[:2] += 0.01

        def forward(self, x):
            return self.norm(x) + self.norm(5 * x)
"""
MOVED = {"body.1.running_mean", "body.1.running_var", "body.1.num_batches_tracked"}


@pytest.fixture
def normed(folder: Path) -> Iterator[Path]:
    write(folder, "normed.py", NORMED)
    return folder


def weights_of(name: str = "build_model") -> dict[str, Tensor]:
    import normed as module  # type: ignore[import-not-found]

    state: dict[str, Tensor] = getattr(module, name)().state_dict()
    return state


def differing(one: dict[str, Tensor], two: dict[str, Tensor]) -> set[str]:
    assert list(one) == list(two)
    assert [v.dtype for v in one.values()] == [v.dtype for v in two.values()]
    return {key for key in one if not same_bits(one[key], two[key])}


def saved(folder: Path, data: Any, name: str = "in.pt") -> Any:
    torch.save(data, folder / name)
    return data


def read(file: str) -> Any:
    return torch.load(file, weights_only=True)


def test_what_a_user_sees(normed: Path) -> None:
    """The norms, the check, the scores before and after, and the file; nothing that the model prints."""
    result = run("recalibrate", "normed.py:build_model", "--output", "out.pt")
    assert result.exit_code == 0, result.output
    lines, told = result.stdout.splitlines(), " ".join(result.stdout.split())
    assert lines[0] == "normed.py:build_model"
    heads = [line[2:16].strip() for line in lines[1:] if line[2:3].strip()]
    assert heads == ["recalibrated", "check", "was off by", "accuracy", "loss", "judged on", "written"]
    assert "1 batch norm, from 1,000 samples (all at once) of train_loader() of normed.py" in told
    assert "converged: two halves agree within chance" in told
    assert "300 samples of eval_loader() of normed.py" in result.stdout
    assert "hello" not in result.stdout
    before, after = (float(x.strip(" %")) for x in next(x for x in lines if "accuracy" in x)[16:].split("→"))
    assert after > before + 5
    assert differing(read("out.pt"), run_model()) == MOVED
    result = run("recalibrate", "normed.py:build_model", "--output", "quiet.pt", "-q")
    assert result.stdout == ""
    result = run("recalibrate", "normed.py:build_model", "--output", "few.pt", "-q", "--samples", "50")
    assert result.stdout == ""
    assert "evalcheck: more samples are needed" in result.stderr


def run_model() -> dict[str, Tensor]:
    import importlib.util

    spec = importlib.util.spec_from_file_location("again", "normed.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    state: dict[str, Tensor] = module.build_model().state_dict()
    return state


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapper", [None, "model", "state_dict"])
def test_a_checkpoint_keeps_its_form(normed: Path, prefix: str, wrapper: str | None) -> None:
    """Keys, order, dtypes, what is beside them, and which tensors are one."""
    state = {prefix + key: value for key, value in run_model().items()}
    state[prefix + "head.bias"] = state[prefix + "head.bias"].half()
    held = {"epoch": 3, wrapper: state, "optimizer": {"lr": 0.1}} if wrapper else state
    saved(normed, held)
    command = ("recalibrate", "normed.py:build_model", "--checkpoint", "in.pt", "--output", "out.ckpt")
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert "3 buffers of 1 norm differ from in.pt, nothing else" in " ".join(result.stdout.split())
    out = read("out.ckpt")
    assert list(out) == list(held)
    inner = out[wrapper] if wrapper else out
    assert differing(inner, state) == {prefix + key for key in MOVED}
    assert inner[prefix + "head.weight"].data_ptr() == inner[prefix + "tied.weight"].data_ptr()
    if wrapper:
        assert out["epoch"] == 3
        assert out["optimizer"] == {"lr": 0.1}
    assert differing(read("in.pt")[wrapper] if wrapper else read("in.pt"), state) == set()


def test_what_is_said_to_differ_is_what_differs(normed: Path) -> None:
    """A counter that stays as it is does not count, nor one that the checkpoint does not have."""
    command = ("recalibrate", "normed.py:build_model", "--output", "out.pt", "--force")
    for altered, told in (
        ("kept", "2 buffers of 1 norm differ from in.pt"),
        ("absent", "2 buffers of 1 norm"),
    ):
        state = run_model()
        counter = next(key for key in state if key.endswith("num_batches_tracked"))
        if altered == "kept":
            state[counter].fill_(10_000)
        else:
            del state[counter]
        saved(normed, state)
        result = run(*command, "--checkpoint", "in.pt")
        assert result.exit_code == 0, result.output
        assert told in " ".join(result.stdout.split())
        assert len(differing(read("out.pt"), state)) == 2
    again = run("recalibrate", "normed.py:build_model", "--output", "b.pt", "--checkpoint", "out.pt")
    assert "nothing differs from out.pt" in " ".join(again.stdout.split())


def test_safetensors_both_ways(normed: Path) -> None:
    """Tied weights are written out each, and that is said; a safetensors checkpoint is read again."""
    saved(normed, {"model": run_model(), "epoch": 3})
    command = ("recalibrate", "normed.py:build_model", "--checkpoint", "in.pt", "--output", "a.safetensors")
    result = run(*command)
    assert result.exit_code == 0, result.output
    assert "left out, since safetensors holds tensors alone: epoch" in result.stdout
    assert "tied tensors" in result.stdout
    state = run_model()
    assert differing(dict(sorted(load_file("a.safetensors").items())), dict(sorted(state.items()))) == MOVED
    command = (
        "recalibrate",
        "normed.py:build_model",
        "--checkpoint",
        "a.safetensors",
        "--output",
        "b.safetensors",
    )
    assert run(*command).exit_code == 0
    one, two = load_file("a.safetensors"), load_file("b.safetensors")
    assert differing(dict(sorted(one.items())), dict(sorted(two.items()))) <= MOVED


def test_safetensors_with_one_name_for_tied_weights(normed: Path) -> None:
    """As safetensors' own save_model writes them: what is tied is there, and no name is added."""
    state = {key: value.clone() for key, value in run_model().items() if key != "tied.weight"}
    save_file(state, "in.safetensors", metadata={"format": "pt", "made": "today"})
    command = ("recalibrate", "normed.py:build_model", "--checkpoint", "in.safetensors")
    result = run(*command, "--output", "out.safetensors")
    assert result.exit_code == 0, result.output
    out = load_file("out.safetensors")
    assert differing(dict(sorted(out.items())), dict(sorted(state.items()))) == MOVED
    with safe_open("out.safetensors", framework="pt") as held:
        assert held.metadata() == {"format": "pt", "made": "today"}
    save_file({k: v for k, v in state.items() if k != "head.bias"}, "less.safetensors")
    assert "missing head.bias" in refused(
        "recalibrate", "normed.py:build_model", "--checkpoint", "less.safetensors", "--output", "x.pt"
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_checkpoint_in_half_precision_stays_in_it(normed: Path, dtype: torch.dtype) -> None:
    """What its type cannot hold is refused, not written as infinity."""
    state = {k: v.clone().to(dtype) if v.is_floating_point() else v for k, v in run_model().items()}
    save_file(state, "in.safetensors")
    command = ("recalibrate", "normed.py:build_model", "--checkpoint", "in.safetensors", "--output")
    result = run(*command, "out.safetensors")
    assert result.exit_code == 0, result.output
    out = load_file("out.safetensors")
    assert differing(dict(sorted(out.items())), dict(sorted(state.items()))) == MOVED
    if dtype is torch.float16:
        state["body.0.weight"] *= 2000
        save_file(state, "in.safetensors")
        line = refused(*command, "big.safetensors", "--force")
        assert "body.1.running_var is too large for the checkpoint's float16" in line
        assert not Path("big.safetensors").exists()


@pytest.mark.parametrize("content", [b"junk", b"", b"PK\x03\x04" + b"x" * 40, b"\x80\x02." * 9])
@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
def test_what_is_no_checkpoint_is_refused(normed: Path, content: bytes, suffix: str) -> None:
    """One line, whatever torch and safetensors stumble over."""
    (normed / f"in.{suffix}").write_bytes(content)
    line = refused(
        "recalibrate", "normed.py:build_model", "--checkpoint", f"in.{suffix}", "--output", "out.pt"
    )
    assert f"in.{suffix}" in line
    assert not Path("out.pt").exists()


def test_what_gets_worse_is_not_written(normed: Path) -> None:
    """Statistics of other data than the model is used on: exit status 1, and --force."""
    command = ("recalibrate", "normed.py:good_model", "--loader", "wrong_data", "--output", "out.pt")
    result = run(*command, "-q")
    assert result.exit_code == 1
    assert "not written" in result.stdout
    assert "gets worse: out.pt was left alone" in " ".join(result.stdout.split())
    assert not Path("out.pt").exists()
    result = run(*command, "--force")
    assert result.exit_code == 0
    assert "gets worse, as --force says" in " ".join(result.stdout.split())
    assert Path("out.pt").exists()


def test_without_evaluation_data_a_part_is_held_out(normed: Path) -> None:
    """A fifth of the training data, which feeds no statistics; a metric of the user's judges."""
    text = (normed / "normed.py").read_text().replace("def eval_loader", "def other_loader")
    (normed / "lone.py").write_text(text)
    result = run("recalibrate", "lone.py:build_model", "--output", "out.pt", "--metric", "share")
    assert result.exit_code == 0, result.output
    assert "from 800 samples" in result.stdout
    assert "200 samples of train_loader() of lone.py that fed no statistics" in " ".join(
        result.stdout.split()
    )
    assert "metric" in result.stdout


def test_a_freshly_built_model_is_refused_unless_weights_were_loaded(normed: Path) -> None:
    """Nobody wants the weights that were drawn a moment ago; the way out is named."""
    (normed / "new.py").write_text((normed / "normed.py").read_text() + "\nfresh_model = lambda: Net()\n")
    line = refused("recalibrate", "new.py:fresh_model", "--output", "out.pt", "--force")
    assert "new.py:fresh_model is freshly initialised" in line
    assert "--checkpoint FILE" in line
    assert not Path("out.pt").exists()
    saved(normed, run_model())
    result = run("recalibrate", "new.py:fresh_model", "--checkpoint", "in.pt", "--output", "out.pt")
    assert result.exit_code == 0, result.output


def test_scores_at_chance_are_shown_and_decide_nothing(normed: Path) -> None:
    """Evaluation inputs that were not scaled: the targets fit, but the model makes nothing of the samples."""
    text = (normed / "normed.py").read_text().replace("nn.Linear(8, 2)", "nn.Linear(8, 4)")
    text = text.replace("(x[:, 0] > 3).long()", "(2 * (x[:, 0] > 3).long() + (x[:, 1] > 3).long())")
    more = "\ndef unscaled():\n    return [(-255 * x, y) for x, y in batches(300, 1)]\n"
    (normed / "four.py").write_text(text + more)
    result = run("recalibrate", "four.py:build_model", "--eval-loader", "unscaled", "--output", "out.pt")
    assert result.exit_code == 0, result.output
    told = " ".join(result.stdout.split())
    assert "hardly better than guessing on these samples, before and after" in told
    assert " accuracy " in told
    assert "no targets fit" not in told


def test_files_are_not_overwritten_unasked(normed: Path) -> None:
    """Neither the input nor another; nor a name that says no format, nor a folder that is not there."""
    saved(normed, run_model())
    base = ("recalibrate", "normed.py:build_model", "--checkpoint", "in.pt", "--output")
    assert "is the checkpoint that is read: name another --output, or pass --force" in refused(*base, "in.pt")
    (normed / "other.pt").write_bytes(b"x")
    assert "other.pt exists" in refused(*base, "other.pt")
    assert "which says the format" in refused(*base, "out.h5")
    assert "there is no folder no" in refused(*base, "no/out.pt")
    (normed / "folder.pt").mkdir()
    assert "folder.pt is a folder" in refused(*base, "folder.pt")
    (normed / "link.pt").symlink_to("in.pt")
    assert "link.pt is the checkpoint that is read" in refused(*base, "link.pt")
    assert run(*base, "in.pt", "--force").exit_code == 0
    assert differing(read("in.pt"), run_model()) == MOVED


def test_what_cannot_be_recalibrated_is_refused(normed: Path) -> None:
    """One line, status 2, no file."""
    out = ("--output", "out.pt")
    assert "inputs that differ" in refused("recalibrate", "normed.py:Shared", *out)
    assert "nothing is empty" in refused("recalibrate", "normed.py:build_model", "--loader", "nothing", *out)
    assert "no training data: pass --loader T, or define train_loader() in net.py" in refused(
        "recalibrate", "net.py:Net", *out
    )
    assert not Path("out.pt").exists()


def test_a_folder_that_is_read_only_is_refused_before_the_run(
    normed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not after it."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    line = refused("recalibrate", "normed.py:build_model", "--output", "out.pt")
    assert "out.pt cannot be written: its folder is read-only" in line
    assert "hello" not in line


def test_a_write_that_fails_leaves_no_file(normed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor half of one, and what was there stays."""
    (normed / "out.pt").write_bytes(b"precious")
    before = sorted(os.listdir(normed))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    line = refused("recalibrate", "normed.py:build_model", "--output", "out.pt", "--force")
    assert "out.pt cannot be written (No space left on device)" in line
    assert (normed / "out.pt").read_bytes() == b"precious"
    assert [name for name in sorted(os.listdir(normed)) if "cache" not in name] == before

    def refusing(*_: object) -> None:
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 11264 vs 11160")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", refusing)
        line = refused("recalibrate", "normed.py:build_model", "--output", "out.pt", "--force")
    assert "out.pt cannot be written: is the disk full?" in line

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    monkeypatch.setattr(os, "fsync", lambda _: None)
    assert run("recalibrate", "normed.py:build_model", "--output", "new.pt").exit_code == 130
    assert [name for name in sorted(os.listdir(normed)) if "cache" not in name] == before


def test_safetensors_is_asked_for_where_it_is_missing(normed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line with the way out, before anything runs."""
    real = builtins.__import__

    def without(name: str, *args: Any, **others: Any) -> Any:
        if name.startswith("safetensors"):
            raise ModuleNotFoundError(name)
        return real(name, *args, **others)

    monkeypatch.setattr(builtins, "__import__", without)
    line = refused("recalibrate", "normed.py:build_model", "--output", "out.safetensors")
    assert "pip install 'torch-evalcheck[safetensors]'" in line
    assert "[safetensors]" in refused("normed.py:build_model", "--checkpoint", "in.safetensors")


def test_a_link_is_followed_and_the_mode_is_kept(tmp_path: Path) -> None:
    """What is written over keeps its place and its rights."""
    (tmp_path / "real.pt").write_bytes(b"x")
    os.chmod(tmp_path / "real.pt", 0o640)
    (tmp_path / "link.pt").symlink_to(tmp_path / "real.pt")
    saving.write(weights.Weights({"a": torch.ones(1)}, {}), tmp_path / "link.pt")
    assert (tmp_path / "link.pt").is_symlink()
    assert read(str(tmp_path / "real.pt"))["a"].eq(1).all()
    assert (tmp_path / "real.pt").stat().st_mode & 0o777 == 0o640
