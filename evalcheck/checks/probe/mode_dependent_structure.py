"""The modes return different structures: tensors that one alone returns, or other shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Place, Sighting, Table
from evalcheck.probe import Trial

Shape = tuple[int, ...]


def check(trial: Trial, options: Mapping[str, Any]) -> Iterator[Sighting]:
    found = trial.state.structures
    if not found.differs:
        return
    rows = [(path, _size(shape), "") for path, shape in found.train_only.items()]
    rows += [(path, "", _size(shape)) for path, shape in found.eval_only.items()]
    rows += [(path, _size(there), _size(here)) for path, (there, here) in found.reshaped.items()]
    modules = found.modules or ("",)
    yield Sighting(
        "probe",
        Place(module=modules[0]),
        f"{_told(found.train_only, 'Train')}{_told(found.eval_only, 'Eval')}{_reshaped(found.reshaped)}"
        "A comparison of the modes compares only what both return.",
        evidence=(
            Table(
                "Returned tensors that differ",
                ("tensor", "in train mode", "in eval mode"),
                tuple((_name(path, "the output"), *rest) for path, *rest in rows[:12]),
            ),
        ),
        others=tuple(Place(module=path) for path in modules[1:]),
    )


def _told(only: Mapping[str, Shape], mode: str) -> str:
    if not only:
        return ""
    names = ", ".join(
        f"{_name(path, 'a bare tensor')} ({_size(shape)})" for path, shape in list(only.items())[:3]
    )
    more = f" and {len(only) - 3} more" if len(only) > 3 else ""
    return f"{mode} mode alone returns {names}{more}. "


def _reshaped(found: Mapping[str, tuple[Shape, Shape]]) -> str:
    if not found:
        return ""
    path, (there, here) = next(iter(found.items()))
    return f"{_name(path, 'The output')} is {_size(there)} in train mode and {_size(here)} in eval mode. "


def _name(path: str, whole: str) -> str:
    return f"output{path}" if path.startswith("[") else path or whole


def _size(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"
