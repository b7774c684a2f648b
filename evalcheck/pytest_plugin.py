"""The fixture ``evalcheck``: the same call as ``evalcheck.check``, in a test.

``def test_model(evalcheck): evalcheck(model, loader).assert_ok()``. Torch is not imported until
the fixture is called, so that other projects' tests start no slower for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from evalcheck.finding import Report


@pytest.fixture(scope="session")
def evalcheck() -> Callable[..., Report]:
    """Check a model: ``evalcheck(model, loader, train_loader=None, ...)`` gives a report.

    ``report.assert_ok()`` fails the test with the whole report unless nothing was found.
    """

    def check(*args: Any, **kwargs: Any) -> Report:
        import evalcheck

        return evalcheck.check(*args, **kwargs)

    return check
