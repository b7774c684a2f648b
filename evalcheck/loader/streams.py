"""Whether something that can only be iterated mixes its samples: a stage or a buffer that says so."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

# Where streams keep what comes before them: torch's data pipes, webdataset's stages, the examples
# of Hugging Face datasets, home-made wrappers.
_BEFORE = (
    "dataset", "datasets", "_dataset", "pipeline", "stages", "source", "source_datapipe", "datapipe",
    "main_datapipe", "_ex_iterable", "ex_iterable", "ex_iterables", "iterable", "loader",
)  # fmt: skip
_STAGES = 200


def shuffled(stream: Any) -> bool:
    """True where a shuffling stage is found; False says nothing, since code may mix by itself."""
    return any(_mixes(stage) for stage in _stages(stream))


def _mixes(stage: Any) -> bool:
    own = getattr(stage, "__dict__", {})
    function = own.get("f", stage)
    names = [kind.__name__ for kind in type(stage).__mro__] + [str(getattr(function, "__name__", ""))]
    if any("shuffl" in name.lower() for name in names):
        # A stage whose buffer holds one sample, or none, is switched off.
        size = next(iter(own.get("args") or ()), own.get("buffer_size", own.get("bufsize")))
        return not (isinstance(size, (bool, int)) and size < 2) or size is True
    return any(_says(name, value) for name, value in own.items() if "shuffl" in name.lower())


def _says(name: str, value: Any) -> bool:
    """An attribute such as ``shuffle=True``, ``shuffle_buffer=1000`` or a configuration of one."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value > 1
    return value is not None and not isinstance(value, (str, float)) and not callable(value)


def _stages(stream: Any) -> Iterator[Any]:
    seen: dict[int, Any] = {}
    waiting = [stream]
    while waiting and len(seen) < _STAGES:
        item = waiting.pop()
        if item is None or id(item) in seen:
            continue
        seen[id(item)] = item
        if isinstance(item, (list, tuple)):
            waiting += item[:_STAGES]
            continue
        if isinstance(item, functools.partial):
            waiting.append(item.func)
        yield item
        own = getattr(item, "__dict__", {})
        waiting += [own[name] for name in _BEFORE if name in own]
