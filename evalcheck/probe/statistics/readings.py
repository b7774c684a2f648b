"""What is said of each batch norm: how wrong its statistics are, and what that does to the output."""

from __future__ import annotations

from collections.abc import Mapping

from torch.nn.modules.batchnorm import _BatchNorm

from evalcheck.measurement import LayerReading
from evalcheck.probe.statistics.moments import CallMoments, running, symmetric_kl


def of_norms(
    norms: Mapping[str, _BatchNorm],
    moments: Mapping[str, CallMoments],
    noisy: Mapping[str, CallMoments],
    parts: Mapping[str, float],
) -> tuple[LayerReading, ...]:
    """A reading for every norm that ran, the largest share first, then the wrongest statistics.

    ``moments`` were collected with dropout off, ``noisy`` with dropout on; ``parts`` are what
    attribution gave, of which shares are fractions.
    """
    # What moves the output the other way is no part of the difference.
    total = sum(max(0.0, part) for part in parts.values())
    shares = {path: max(0.0, part) / total for path, part in parts.items()} if total > 0 else {}
    found = [
        _reading(path, norms[path], entry, noisy[path], shares.get(path)) for path, entry in moments.items()
    ]
    return tuple(sorted(found, key=lambda r: (-(r.share or 0.0), -r.root)))


def _reading(
    path: str, norm: _BatchNorm, entry: CallMoments, noisy: CallMoments, share: float | None
) -> LayerReading:
    now = running(norm)
    stale = float(symmetric_kl(now, noisy.converged, norm.eps).mean())
    calls = [float(symmetric_kl(now, call, norm.eps).mean()) for call in entry.calls]
    between = [float(symmetric_kl(entry.calls[0], call, norm.eps).mean()) for call in entry.calls[1:]]
    return LayerReading(
        module=path,
        kind=type(norm).__name__,
        calls=len(entry.calls),
        samples_per_channel=min(entry.per_batch),
        root=max([stale, *calls]) if len(calls) > 1 else stale,
        stale=stale,
        between=max(between, default=0.0),
        share=share,
    )
