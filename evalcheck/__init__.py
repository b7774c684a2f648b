"""evalcheck: why a PyTorch model behaves differently in eval mode, which layer does it, and what cures it.

>>> import evalcheck                                          # doctest: +SKIP
>>> report = evalcheck.check(model, eval_loader, train_loader)  # doctest: +SKIP
>>> report.assert_ok()                                        # doctest: +SKIP
"""

from __future__ import annotations

from evalcheck.version import __version__

TYPE_CHECKING = False  # spelled out: importing typing would cost more than all the rest
if TYPE_CHECKING:
    from evalcheck.api import check as check
    from evalcheck.api import lint as lint
    from evalcheck.api import recalibrate as recalibrate
    from evalcheck.complaint import Complaint as Complaint
    from evalcheck.finding import Finding as Finding
    from evalcheck.finding import Gap as Gap
    from evalcheck.finding import Report as Report

__all__ = ["Complaint", "Finding", "Gap", "Report", "__version__", "check", "lint", "recalibrate"]

_HOMES = {
    "check": "evalcheck.api",
    "lint": "evalcheck.api",
    "recalibrate": "evalcheck.api",
    "Report": "evalcheck.finding",
    "Finding": "evalcheck.finding",
    "Gap": "evalcheck.finding",
    "Complaint": "evalcheck.complaint",
}


def __dir__() -> list[str]:
    """What is here for users, loaded or not."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Names are loaded when they are used: importing evalcheck costs nothing and needs no torch."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'evalcheck' has no attribute {name!r}")
