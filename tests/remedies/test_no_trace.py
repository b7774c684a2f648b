"""Every treatment of the room leaves the model bit for bit, whatever becomes of it."""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

import evalcheck.remedies
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.probe import Trial
from evalcheck.remedies import proof
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches
from tests.remedies import noisy_nets, normed_nets, structural_nets

FOLDER = Path(evalcheck.remedies.__file__).parent
MODULES = {file.stem: import_module(f"evalcheck.remedies.{file.stem}") for file in FOLDER.glob("*.py")}
TREATMENTS = sorted(name.replace("_", "-") for name, module in MODULES.items() if hasattr(module, "TITLE"))
# Another domain, so that there is something to treat by its statistics.
HELD, FEED = batches(48, 2, gain=0.4), batches(48, 5)


def trial(net: str):
    return normed_nets.trial(normed_nets.ALL[net](), HELD, FEED)


def tried(made, name: str) -> str:
    try:
        return proof.attempt(made, name).status
    except (Unanswerable, Complaint):
        return "not for this model"


def of(model) -> Callable[[], Trial]:
    return lambda: noisy_nets.trial(model())


NETS = {
    **{name: lambda name=name: trial(name) for name in normed_nets.ALL},
    "averaged": of(structural_nets.Averaged),
    "pinned": of(structural_nets.pinned),
    "quantised": of(lambda: structural_nets.settled(structural_nets.quantised())),
    "loud instances": of(structural_nets.instances),
    "hidden": of(structural_nets.hidden),
    "functional": of(lambda: noisy_nets.headed(lambda self, x: F.dropout(x, 0.4))),
    "random": of(lambda: noisy_nets.headed(lambda self, x: x + torch.rand_like(x))),
    "both": of(lambda: noisy_nets.headed(lambda self, x: F.dropout(x, 0.4) + torch.rand_like(x))),
    "attention": lambda: noisy_nets.trial(noisy_nets.Attention(), shape=(4,)),
    "padded": lambda: structural_nets.padded(structural_nets.Pooled().eval()),
}
# The net that gives reason to try each treatment, on which it is cut off.
CUT = {
    "copied-buffers": "averaged",
    "data-free-repair": "slow",
    "dropout-correction": "dropped",
    "evaluation-statistics": "slow",
    "fast-path-off": "padded",
    "frozen-norms": "pinned",
    "gate-attention-dropout": "attention",
    "gate-functional-dropout": "functional",
    "gate-random-operations": "random",
    "gate-randomness": "both",
    "hidden-modules": "hidden",
    "instance-statistics-off": "loud instances",
    "observers-off": "quantised",
    "reset-statistics": "broken",
    "tracked-statistics": "untracked",
}
# They look at runs that the diagnosis made, and run nothing themselves: there is nothing to cut off.
WITHOUT_RUNS = {"batch-statistics": "slow", "per-call-statistics": "shared", "recalibrate": "slow"}


def test_every_treatment_in_the_folder_is_covered():
    assert {*CUT, *WITHOUT_RUNS} == {*TREATMENTS}
    assert not CUT.keys() & WITHOUT_RUNS.keys()


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", TREATMENTS)
def test_a_trial_leaves_nothing_behind(name, net):
    made = NETS[net]()
    before = traces(made)
    tried(made, name)
    assert traces(made) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize(("name", "net"), CUT.items())
def test_an_interrupt_at_any_forward_leaves_nothing_behind(name, net, error):
    """What the trial asks beforehand is measured already, so that the treatment's own runs are cut off."""
    hit = 0
    for allowed in range(0, 6, 2):
        made = NETS[net]()
        prepared(made)
        before = traces(made)
        cut_off = stopped(made, name, error, allowed)
        assert traces(made) == before
        hit += cut_off
        if not cut_off:
            break
    assert hit
    assert tried(NETS[net](), name) != "not for this model"


@pytest.mark.parametrize(("name", "net"), WITHOUT_RUNS.items())
def test_what_is_said_to_run_nothing_runs_nothing(name, net):
    made = NETS[net]()
    prepared(made)
    assert not stopped(made, name, KeyboardInterrupt, 0)
    assert tried(made, name) != "not for this model"


def traces(made: Trial) -> list[object]:
    """Of the model, and of what it hides in a plain list."""
    return [fingerprint(made.model), *map(fingerprint, getattr(made.model, "kept", ()))]


def prepared(made) -> None:
    with suppress(Unanswerable, Complaint):
        _ = made.steps, made.judge, made.layers


def stopped(made, name, error, allowed) -> bool:
    """Try it on a model that raises after some more forwards; whether it came to that."""
    forwards = 0
    plain = made.run._forward

    def failing(*args, **kwargs):
        nonlocal forwards
        forwards += 1
        result = plain(*args, **kwargs)
        if forwards > allowed:
            raise error("stop")
        return result

    made.run._forward = failing
    try:
        tried(made, name)
    except error:
        return True
    finally:
        del made.run._forward
    return forwards > allowed
