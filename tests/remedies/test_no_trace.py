"""Every treatment of the room leaves the model bit for bit, whatever becomes of it."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path

import pytest

import evalcheck.remedies
from evalcheck.complaint import Complaint
from evalcheck.finding import Unanswerable
from evalcheck.remedies import proof
from tests.guard.fingerprint import fingerprint
from tests.probe.nets import batches
from tests.remedies import normed_nets

FOLDER = Path(evalcheck.remedies.__file__).parent
MODULES = {file.stem: import_module(f"evalcheck.remedies.{file.stem}") for file in FOLDER.glob("*.py")}
TREATMENTS = sorted(name.replace("_", "-") for name, module in MODULES.items() if hasattr(module, "TITLE"))
# Those that these nets give reason to try, and that run something themselves.
RUNNING = {
    "data-free-repair",
    "dropout-correction",
    "evaluation-statistics",
    "per-call-statistics",
    "recalibrate",
    "reset-statistics",
    "tracked-statistics",
}
# Another domain, so that there is something to treat by its statistics.
HELD, FEED = batches(48, 2, gain=0.4), batches(48, 5)


def trial(net: str):
    return normed_nets.trial(normed_nets.ALL[net](), HELD, FEED)


def tried(made, name: str) -> str:
    try:
        return proof.attempt(made, name).status
    except (Unanswerable, Complaint):
        return "not for this model"


def test_all_treatments_are_covered():
    assert {"recalibrate", "evaluation-statistics", "data-free-repair", "reset-statistics"} <= {*TREATMENTS}


@pytest.mark.parametrize("net", normed_nets.ALL)
@pytest.mark.parametrize("name", TREATMENTS)
def test_a_trial_leaves_nothing_behind(name, net):
    made = trial(net)
    before = fingerprint(made.model)
    tried(made, name)
    assert fingerprint(made.model) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("name", TREATMENTS)
def test_an_interrupt_at_any_forward_leaves_nothing_behind(name, error):
    """What the trial asks beforehand is measured already, so that the treatment's own runs are cut off."""
    hit = 0
    for net in ("slow", "dropped", "shared", "untracked", "broken"):
        for allowed in range(0, 6, 2):
            made = trial(net)
            prepared(made)
            before = fingerprint(made.model)
            count = stopped(made, name, error, allowed)
            assert fingerprint(made.model) == before
            hit += count
            if not count:
                break
    assert hit or name in WITHOUT_RUNS | ELSEWHERE


# It looks at runs that the diagnosis made; and what these nets give no reason to try.
WITHOUT_RUNS = {"batch-statistics"}
ELSEWHERE = {
    name for name in TREATMENTS if not any(tried(trial(net), name) != "not for this model" for net in ())
}


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
