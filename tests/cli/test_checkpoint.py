"""Weights loaded before the examination."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from evalcheck.cli import checkpoint, saving, weights
from evalcheck.complaint import Complaint
from tests.cli.calling import Stub, run


def state() -> dict[str, Any]:
    return {"0.weight": torch.full((2, 3), 7.0), "0.bias": torch.zeros(2)}


def prefixed(prefix: str) -> dict[str, Any]:
    return {prefix + key: value for key, value in state().items()}


@pytest.mark.parametrize(
    "saved",
    [
        state(),
        {"state_dict": state(), "epoch": 3},
        {"model": state()},
        {"model_state_dict": prefixed("module.")},
        prefixed("module."),
        {"state_dict": prefixed("module._orig_mod.")},
        prefixed("model."),
    ],
)
def test_wrappers_and_prefixes_are_understood(tmp_path: Path, saved: Any) -> None:
    """As training scripts and DataParallel leave them."""
    torch.save(saved, tmp_path / "w.pt")
    model = nn.Sequential(nn.Linear(3, 2))
    checkpoint.load(model, tmp_path / "w.pt")
    assert model[0].weight.eq(7).all()


def refused(file: Path, saved: Any = None) -> str:
    if saved is not None:
        torch.save(saved, file)
    with pytest.raises(Complaint) as complaint:
        checkpoint.load(nn.Sequential(nn.Linear(3, 2)), file)
    return str(complaint.value).replace(str(file), "w.pt")


def test_what_does_not_fit_is_listed(tmp_path: Path) -> None:
    """A few keys, and how many more."""
    file = tmp_path / "w.pt"
    others = {f"layer{n}.weight": torch.zeros(1) for n in range(5)}
    assert refused(file, {**others, "0.bias": torch.zeros(2)}) == (
        "w.pt does not fit the model: missing 0.weight; "
        "unexpected layer0.weight, layer1.weight, layer2.weight and 2 more"
    )
    assert refused(file, {**state(), "0.weight": torch.zeros(5, 3)}) == (
        "w.pt does not fit the model: 0.weight is 5x3 and should be 2x3"
    )


def test_what_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    """Missing, not torch's, a whole model, or something else."""
    file = tmp_path / "w.pt"
    assert refused(file) == "w.pt cannot be read (No such file or directory)"
    file.write_bytes(b"hello")
    assert refused(file) in (
        "w.pt is not a checkpoint that torch.load understands",
        "w.pt cannot be loaded with weights_only=True, which runs no code; save model.state_dict()",
    )
    assert refused(file, nn.Linear(1, 1)) == (
        "w.pt cannot be loaded with weights_only=True, which runs no code; save model.state_dict()"
    )
    assert (
        refused(file, {"epoch": 3, "loss": 0.5})
        == "w.pt holds a dict with the keys epoch, loss, not a state_dict"
    )
    assert refused(file, [torch.zeros(1)]) == "w.pt holds a list, not a state_dict"


def test_the_option_loads_into_the_model(folder: Path, stub: Stub) -> None:
    """Before anything is measured."""
    torch.save({"layer.weight": torch.full((2, 3), 7.0), "layer.bias": torch.zeros(2)}, folder / "w.pt")
    assert run("net.py:Net", "--checkpoint", "w.pt").exit_code == 0
    assert stub.calls[0]["model"].layer.weight.eq(7).all()
    save_file({"layer.weight": torch.full((2, 3), 8.0), "layer.bias": torch.zeros(2)}, "w.safetensors")
    assert run("net.py:Net", "--checkpoint", "w.safetensors").exit_code == 0
    assert stub.calls[-2]["model"].layer.weight.eq(8).all()


def test_safetensors_are_read_by_their_name(tmp_path: Path) -> None:
    """As torch's are, and refused as these are."""
    file = tmp_path / "w.safetensors"
    save_file({key: value.clone() for key, value in prefixed("module.").items()}, file)
    model = nn.Sequential(nn.Linear(3, 2))
    checkpoint.load(model, file)
    assert model[0].weight.eq(7).all()
    assert refused(tmp_path / "no.safetensors") == "w.pt cannot be read (No such file or directory)"
    file.write_bytes(b"hello, this is nothing of the kind")
    assert refused(file) == "w.pt is not a safetensors file"
    save_file({}, file)
    assert refused(file) == "w.pt holds no tensors"


class Counting(nn.Linear):
    """Keeps more than tensors in its state_dict, under a wrapper's prefix too."""

    seen = 0

    def get_extra_state(self) -> dict[str, int]:
        return {"seen": self.seen}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.seen = state["seen"]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_what_modules_keep_besides_tensors_is_loaded_and_kept(tmp_path: Path, prefix: str) -> None:
    """As `get_extra_state` gives it: a torch file holds it, a safetensors file cannot and says so."""
    model = nn.Sequential(Counting(2, 2))
    model[0].seen = 5
    torch.save({prefix + key: value for key, value in model.state_dict().items()}, tmp_path / "w.pt")
    other = nn.Sequential(Counting(2, 2))
    held = checkpoint.load(other, tmp_path / "w.pt")
    assert other[0].seen == 5
    assert saving.write(held, tmp_path / "again.pt") == []
    assert torch.load(tmp_path / "again.pt", weights_only=True)[f"{prefix}0._extra_state"] == {"seen": 5}
    (told,) = saving.write(held, tmp_path / "again.safetensors")
    assert "_extra_state" in told


@pytest.mark.parametrize("odd", [torch.ones(2, dtype=torch.complex128), torch.eye(2).to_sparse()])
def test_what_safetensors_cannot_hold_is_named(tmp_path: Path, odd: torch.Tensor) -> None:
    held = weights.Weights({}, {"good": torch.ones(1), "odd": odd})
    with pytest.raises(Complaint, match="odd"):
        saving.write(held, tmp_path / "w.safetensors")
    assert list(tmp_path.iterdir()) == []
