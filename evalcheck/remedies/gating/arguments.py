"""One argument of a call, wherever it stands."""

from __future__ import annotations

from typing import Any

Args = tuple[Any, ...]
Kwargs = dict[str, Any]


def given(args: Args, kwargs: Kwargs, place: int, keyword: str, default: Any = None) -> Any:
    """What the call gives for the parameter at ``place``, which is called ``keyword``."""
    return args[place] if len(args) > place else kwargs.get(keyword, default)


def replaced(args: Args, kwargs: Kwargs, place: int, keyword: str, value: Any) -> tuple[Args, Kwargs]:
    """The same arguments with another value for that parameter."""
    if len(args) > place:
        return (*args[:place], value, *args[place + 1 :]), kwargs
    return args, {**kwargs, keyword: value}
