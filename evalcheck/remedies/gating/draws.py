"""What a draw gives in the mean, or, where numbers are chosen among, the likeliest choice.

Means of the distributions as torch.distributions states them; a Cauchy number has none, and gives its
median. A whole number drawn from a range has neither that could be used: such draws stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from evalcheck.remedies.gating.arguments import Args, Kwargs, given, replaced
from evalcheck.remedies.gating.chances import Chances
from evalcheck.remedies.gating.roles import Chance, Uniform

Draw = Callable[[Any, Args, Kwargs, Chances], Any]


def _filled(value: float) -> Draw:
    return lambda func, args, kwargs, _: func(*args, **kwargs).fill_(value)


def _uniform(func: Any, args: Args, kwargs: Kwargs, chances: Chances) -> Tensor:
    low, high = 0.0, 1.0
    if func.__name__ == "uniform_":
        low, high = given(args, kwargs, 1, "from", 0.0), given(args, kwargs, 2, "to", 1.0)
    out: Tensor = func(*args, **kwargs).fill_((low + high) / 2)
    return chances.keep(out, Uniform(float(low), float(high)))


def _normal(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    """``torch.normal(mean, std)`` and ``normal_(mean=0, std=1)``."""
    inplace = func.__name__ == "normal_"
    mean = given(args, kwargs, int(inplace), "mean", 0.0)
    return _put(func(*args, **kwargs), mean)


def _bernoulli(func: Any, args: Args, kwargs: Kwargs, chances: Chances) -> Tensor:
    """``torch.bernoulli(p)``, where the input may have a single ``p`` instead, and ``bernoulli_(p=0.5)``."""
    inplace = func.__name__ == "bernoulli_"
    rate = given(args, kwargs, 1, "p", 0.5 if inplace else None)
    rate = given(args, kwargs, 0, "input") if rate is None else rate
    rate = rate.clone() if isinstance(rate, Tensor) else rate
    out: Tensor = func(*args, **kwargs)
    if not out.is_floating_point():
        return _put(out, rate > 0.5)
    return chances.keep(_put(out, rate), Chance(boolean=False))


def _log_normal(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    mean, deviation = given(args, kwargs, 1, "mean", 1.0), given(args, kwargs, 2, "std", 2.0)
    return _put(func(*args, **kwargs), math.exp(mean + deviation**2 / 2))


def _inverse(keyword: str, default: float) -> Draw:
    """Of a rate or of a chance: the mean of exponential and of geometric numbers."""

    def draw(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
        return _put(func(*args, **kwargs), 1 / given(args, kwargs, 1, keyword, default))

    return draw


def _cauchy(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    return _put(func(*args, **kwargs), given(args, kwargs, 1, "median", 0.0))


def _same(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    """The parameter is the mean: Poisson and standard gamma numbers."""
    return _put(func(*args, **kwargs), given(args, kwargs, 0, "input"))


def _binomial(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    return _put(func(*args, **kwargs), given(args, kwargs, 0, "count") * given(args, kwargs, 1, "prob"))


def _dirichlet(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    weights = given(args, kwargs, 0, "input")
    return _put(func(*args, **kwargs), weights / weights.sum(-1, keepdim=True))


def _multinomial(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    """The likeliest; without replacement the likeliest ones, in their order."""
    weights, count = given(args, kwargs, 0, "input"), given(args, kwargs, 1, "num_samples")
    if given(args, kwargs, 2, "replacement", False):
        return _put(func(*args, **kwargs), weights.argmax(-1, keepdim=True))
    return _put(func(*args, **kwargs), weights.topk(count, -1).indices)


def _order(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    out: Tensor = func(*args, **kwargs)
    return _put(out, torch.arange(len(out), device=out.device))


def _gumbel(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Tensor:
    """The softmax without the noise; its largest entry alone where a hard choice is asked for."""
    logits, tau = given(args, kwargs, 0, "logits"), given(args, kwargs, 1, "tau", 1)
    hard, dim = given(args, kwargs, 2, "hard", False), given(args, kwargs, 4, "dim", -1)
    soft: Tensor = F.softmax(logits / tau, dim)
    return torch.zeros_like(soft).scatter_(dim, soft.argmax(dim, keepdim=True), 1.0) if hard else soft


def _rrelu(func: Any, args: Args, kwargs: Kwargs, _: Chances) -> Any:
    args, kwargs = replaced(args, kwargs, 3, "training", False)
    return func(*args, **kwargs)


def _put(out: Tensor, value: Any) -> Tensor:
    return out.copy_(value) if isinstance(value, Tensor) else out.fill_(value)


MEANS: dict[str, Draw] = {
    "rand": _uniform,
    "rand_like": _uniform,
    "uniform_": _uniform,
    "randn": _filled(0.0),
    "randn_like": _filled(0.0),
    "normal": _normal,
    "normal_": _normal,
    "bernoulli": _bernoulli,
    "bernoulli_": _bernoulli,
    "log_normal_": _log_normal,
    "exponential_": _inverse("lambd", 1.0),
    "geometric_": _inverse("p", 0.5),
    "cauchy_": _cauchy,
    "poisson": _same,
    "_standard_gamma": _same,
    "binomial": _binomial,
    "_sample_dirichlet": _dirichlet,
    "multinomial": _multinomial,
    "randperm": _order,
    "gumbel_softmax": _gumbel,
    "rrelu": _rrelu,
    "rrelu_": _rrelu,
}
# Drawn from a range of whole numbers: no mean of theirs is one that the code could use.
WITHOUT = frozenset(("randint", "randint_like", "random_"))


def is_active(name: str, args: Args, kwargs: Kwargs) -> bool:
    """Whether the call draws at all: ``rrelu`` may have been told the mode."""
    return name not in ("rrelu", "rrelu_") or bool(given(args, kwargs, 3, "training", False))
