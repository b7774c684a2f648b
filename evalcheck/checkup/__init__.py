"""One whole examination, from the model and its data to the report: what every door opens on."""

from typing import TYPE_CHECKING

from evalcheck.checkup.reading import lint

if TYPE_CHECKING:
    from evalcheck.checkup.examination import check as check
    from evalcheck.checkup.examination import trial as trial

__all__ = ["check", "lint", "trial"]


def __getattr__(name: str) -> object:
    """``check`` and ``trial`` bring in torch, so they are loaded when they are asked for."""
    if name in ("check", "trial"):
        from evalcheck.checkup import examination

        return getattr(examination, name)
    raise AttributeError(name)
