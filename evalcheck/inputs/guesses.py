"""Calls worth a trial where nothing is declared: by the first layers and the names of the arguments."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from torch import nn

from evalcheck.inputs import arguments, layers
from evalcheck.inputs.call import Call, Form
from evalcheck.inputs.spec import SAMPLES, STEPS, Spec, floats, ids

N = SAMPLES
COMBINATIONS = 24
# Where no layer tells anything: pictures, then vectors, sequences, sound, words.
ANYTHING = (
    floats(N, 3, 64, 64, free=(2, 3)),
    floats(N, 1, 32, 32, free=(2, 3)),
    floats(N, 16),
    floats(N, STEPS, 16),
    floats(N, 16000, free=(1,)),
    floats(N, 1, 16000, free=(2,)),
    ids(N, STEPS, below=10),
)


def calls(model: nn.Module) -> Iterator[Call]:
    """Calls worth a trial, by the names of the arguments and the first layers."""
    parameters, keywords = arguments.required(model)
    names = [p.name for p in parameters] or ["x"]
    likely = [spec for path, module in layers.first(model) for spec in layers.takes(path, module)]
    choices = []
    for name in names:
        promised = arguments.promised(name)
        others = [*arguments.ids_by_name(name), *(() if promised else ANYTHING)]
        choices.append([*(promised or likely), *others])
    form: Form = "keywords" if keywords else "positional"
    ranked = itertools.islice(_by_rank(choices), COMBINATIONS)
    yield from (Call(dict(zip(names, specs, strict=True)), form) for specs in ranked)


def _by_rank(choices: list[list[Spec]]) -> Iterator[tuple[Spec, ...]]:
    """Combinations, those of likely choices first; alike choices for all inputs before mixed ones."""
    if len(choices) == 1:
        yield from ((spec,) for spec in choices[0])
        return
    short = [options[:6] for options in choices[:4]]
    rest = tuple(options[0] for options in choices[4:])
    ranks = itertools.product(*(range(len(options)) for options in short))
    for rank in sorted(ranks, key=lambda r: (sum(r), len(set(r)))):
        yield (*(options[i] for options, i in zip(short, rank, strict=True)), *rest)
