"""Refuses norms that serve calls whose inputs differ: no one set of statistics fits them."""

from __future__ import annotations

from collections.abc import Mapping

from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck import rulebook
from evalcheck.complaint import Complaint
from evalcheck.probe.statistics.moments import apart
from evalcheck.recalibration.collection import Collection


def demand_alike(norms: Mapping[str, _BatchNorm], main: Collection) -> None:
    """Raise :class:`Complaint` where the calls of a norm are further apart than the rule allows."""
    limit = float(rulebook.find("shared-batchnorm").options["between"])
    found = {}
    for path, parts in main.by_call().items():
        if len(parts) > 1:
            eps = norms[path].eps
            between = max(apart(parts[0], part, eps) for part in parts[1:])
            # Each call has its part of the values, and both scatter.
            found[path] = (between - 2 * len(parts) * main.chance(path), len(parts))
    differing = {path: told for path, told in found.items() if told[0] > limit}
    if not differing:
        return
    path = max(differing, key=lambda one: differing[one][0])
    between, calls = differing[path]
    more = f" (and {len(differing) - 1} more)" if len(differing) > 1 else ""
    raise Complaint(
        f"batch norm {path!r}{more} is called {calls} times per forward on inputs that differ (KL divergence "
        f"{between:.2g}: 0 is no difference, up to {limit:g} counts as alike): no one set of statistics fits "
        "them all, and nothing was changed. Give each call a norm of its own, or join the inputs before the "
        "norm: `evalcheck explain shared-batchnorm`"
    )
