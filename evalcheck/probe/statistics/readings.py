"""What is said of each batch norm: how wrong its statistics are, why, and what that does to the output."""

from __future__ import annotations

from collections.abc import Mapping

from evalcheck.measurement import LayerReading
from evalcheck.probe.statistics import residual
from evalcheck.probe.statistics.dropout_shift import Predicted
from evalcheck.probe.statistics.moments import CallMoments, Moments, running, symmetric_kl, widened
from evalcheck.probe.statistics.population import Population


def of_norms(population: Population, parts: Mapping[str, float]) -> tuple[LayerReading, ...]:
    """A reading for every norm that ran, the largest share first, then the wrongest statistics.

    ``parts`` are what attribution gave, of which shares are fractions.
    """
    # What moves the output the other way is no part of the difference.
    total = sum(max(0.0, part) for part in parts.values())
    shares = {path: max(0.0, part) / total for path, part in parts.items()} if total > 0 else {}
    found = [_reading(population, path, shares.get(path)) for path in population.moments]
    return tuple(sorted(found, key=lambda r: (-(r.share or 0.0), -r.root)))


def _reading(population: Population, path: str, share: float | None) -> LayerReading:
    norm, entry = population.passes.norms[path], population.moments[path]
    noisy = population.noisy_moments.get(path, entry)
    now, sampling = running(norm), entry.sampling(population.feed.batch_size)

    def apart(one: Moments, two: Moments, by_chance: float = 0.0) -> float:
        return max(0.0, float(symmetric_kl(one, two, norm.eps).mean()) - by_chance)

    stale = apart(now, population.aimed[path], sampling)
    calls = [apart(now, call, sampling) for call in entry.calls]
    fit = residual.fitted(norm, population.aimed[path], min(entry.per_batch))
    n_eff = entry.effective(population.feed.batch_size)
    expected = population.expected_noise.get(path)
    return LayerReading(
        module=path,
        kind=type(norm).__name__,
        calls=len(entry.calls),
        samples_per_channel=min(entry.per_batch),
        root=max([stale, *calls]) if len(calls) > 1 else stale,
        stale=stale,
        between=max((apart(entry.calls[0], call) for call in entry.calls[1:]), default=0.0),
        share=share,
        momentum=noisy.momentum,
        residual=fit.weight if fit else None,
        residual_expected=residual.expected(norm, noisy.momentum),
        unexplained=fit.unexplained if fit else None,
        dropout_ratio=population.widening.get(path),
        dropout_predicted=_ratio(entry, expected, norm.eps) if expected else None,
        dropout=expected.dropout if expected else None,
        dropout_rate=expected.rate if expected else None,
        domain=population.shifts.get(path),
        n_eff=n_eff,
        noise=1.5 / n_eff,
    )


def _ratio(entry: CallMoments, expected: Predicted, eps: float) -> float:
    """(Var_eval + what the masks add) / Var_eval, mean over channels."""
    quiet = entry.pooled
    added = expected.added.to(quiet.m2)
    return widened(Moments(quiet.n, quiet.mean, quiet.m2 + added * quiet.n), quiet, eps)
