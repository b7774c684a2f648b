"""One dataset object read in two parts: by random_split, by Subset, by samplers of indices."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.data.loaders import bound_name, loaders, name_of, purpose_of
from evalcheck.source.file import SourceFile
from evalcheck.source.reaching import reaching
from evalcheck.source.values import argument

_SPLITTERS = ("torch.utils.data.random_split", "torch.utils.data.dataset.random_split")
_SUBSETS = ("torch.utils.data.Subset", "torch.utils.data.dataset.Subset")


@dataclass(frozen=True, eq=False)
class Split:
    """``place`` splits ``dataset``; ``train`` and ``evaluation`` are what the parts are called."""

    place: ast.Call
    dataset: ast.expr
    train: str
    evaluation: str


def splits(file: SourceFile) -> Iterator[Split]:
    """The datasets of which one part is for training and another for evaluation, for certain."""
    for call in list(file.every_call()):
        name = file.resolve(call.func)
        if name in _SPLITTERS:
            dataset = argument(call, 0, "dataset")
            halves = _halves(file, call)
            if dataset is not None and halves:
                yield Split(call, dataset, *halves)
    yield from _parts(file, list(_subsets(file)))
    yield from _parts(file, list(_sampled(file)))


def _halves(file: SourceFile, call: ast.Call) -> tuple[str, str] | None:
    """The names of the halves, where one is for training, one for evaluation and none is thrown away."""
    parent = file.parent(call)
    if not isinstance(parent, ast.Assign) or len(parent.targets) != 1:
        return None
    target = parent.targets[0]
    names = [name_of(t) for t in target.elts] if isinstance(target, (ast.Tuple, ast.List)) else []
    train = next((n for n in names if purpose_of(n) == "train"), None)
    held = next((n for n in names if purpose_of(n) == "evaluation"), None)
    return (train, held) if train and held else None


def _subsets(file: SourceFile) -> Iterator[tuple[ast.Call, ast.expr, str]]:
    for call in file.every_call():
        if file.resolve(call.func) in _SUBSETS:
            dataset = argument(call, 0, "dataset")
            if dataset is not None:
                yield call, dataset, bound_name(file, call)


def _sampled(file: SourceFile) -> Iterator[tuple[ast.Call, ast.expr, str]]:
    for loader in loaders(file):
        sampler, dataset = loader.options.get("sampler"), loader.options.get("dataset")
        if sampler is None or dataset is None:
            continue
        value = reaching(file, sampler) if isinstance(sampler, (ast.Name, ast.Attribute)) else sampler
        if isinstance(value, ast.Call) and name_of(value.func).endswith("SubsetRandomSampler"):
            yield loader.call, dataset, loader.bound


def _parts(file: SourceFile, found: list[tuple[ast.Call, ast.expr, str]]) -> Iterator[Split]:
    """Pairs of parts, in one function, of one and the same value."""
    for place, dataset, name in found:
        if purpose_of(name) != "evaluation":
            continue
        for other, same, other_name in found:
            if purpose_of(other_name) != "train" or ast.dump(same) != ast.dump(dataset):
                continue
            if file.function_of(other) is file.function_of(place) and _one_value(file, same, dataset):
                yield Split(place, dataset, other_name, name)
                break


def _one_value(file: SourceFile, one: ast.expr, two: ast.expr) -> bool:
    """Whether two uses of a name mean one object."""
    value = reaching(file, one)
    return value is not None and value is reaching(file, two) and isinstance(value, ast.Call)


def separated(file: SourceFile, split: Split) -> bool:
    """Whether a part gets a dataset of its own after the split, by an assignment or as a copy."""
    if any(node.attr == "dataset" for node in _stores(file, split)):
        return True
    return any(
        name_of(call.func) in ("copy", "deepcopy") and any(_of_part(split, given) for given in call.args)
        for call in file.calls_in(_scope(file, split))
    )


def set_for_both(file: SourceFile, split: Split) -> ast.Attribute | None:
    """``val_set.dataset.transform = ...``: what is meant for one part and set on the object of both."""
    for part in (split.evaluation, split.train):
        if len(file.index.stores[_scope(file, split)].get(part, [])) > 1:
            return None  # wrapped into something else
    found = [
        node for node in _stores(file, split) if "transform" in node.attr and name_of(node.value) == "dataset"
    ]
    return found[-1] if found else None


def _stores(file: SourceFile, split: Split) -> list[ast.Attribute]:
    """What is written, after the split and in the same function, to a part or to something below it."""
    return [
        node
        for node in file.index.attributes.get(_scope(file, split), ())
        if isinstance(node.ctx, ast.Store)
        and node.lineno > split.place.lineno
        and _of_part(split, node.value)
    ]


def _scope(file: SourceFile, split: Split) -> ast.AST:
    return next(iter(file.names.functions_around(split.place)), None) or file.tree


def _of_part(split: Split, node: ast.AST) -> bool:
    return any(name_of(one) in (split.evaluation, split.train) for one in ast.walk(node))
