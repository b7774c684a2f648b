"""What each mode returns, and which modules it alone runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evalcheck.probe.running.modes import evaluating, training
from evalcheck.probe.state.nesting import outermost
from evalcheck.probe.state.setup import Forward, Setup


@dataclass(frozen=True)
class Structures:
    """Tensors that one mode alone returns, those of two shapes, and modules that one mode alone ran."""

    train_only: dict[str, tuple[int, ...]]
    eval_only: dict[str, tuple[int, ...]]
    reshaped: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]
    modules: tuple[str, ...]

    @property
    def differs(self) -> bool:
        return bool(self.train_only or self.eval_only or self.reshaped)


def compared(setup: Setup, train: Forward, evaluated: Forward) -> Structures:
    """Both modes' returned tensors by path, on one batch; shapes are (sizes, …).

    Which modules each runs is asked only where these differ.
    """
    there, here = train.shapes, evaluated.shapes
    found = Structures(
        {path: shape for path, shape in there.items() if path not in here},
        {path: shape for path, shape in here.items() if path not in there},
        {path: (there[path], here[path]) for path in there if path in here and there[path] != here[path]},
        (),
    )
    return replace(found, modules=_alone(setup)) if found.differs else found


def _alone(setup: Setup) -> tuple[str, ...]:
    there, here = setup.called(training), setup.called(evaluating)
    once, again = [p for p in there if p not in here], [p for p in here if p not in there]
    return (*outermost(once), *outermost(again))
