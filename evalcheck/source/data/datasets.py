"""Datasets that a model is evaluated on, by what they are told and what they are called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from itertools import takewhile

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.reaching import held_out
from evalcheck.source.values import identifiers, literal

_SPLITS = ("split", "mode", "phase", "subset", "image_set", "set", "partition", "stage")
_TRAIN_FLAGS = ("train", "is_train", "training", "is_training")
_HELD = re.compile(r"^(?:val|valid|validation|test|testing|eval|evaluation|dev|test2017|val2017|testset)$")
# Names that take evaluation back: noise that is wanted, or data that is not evaluated on.
_MEANT = re.compile(
    r"tta|test[-_ ]?time|test_?aug|robust|corrupt|nois|shift|two_?crop|contrast|ssl|self_?sup|pretrain", re.I
)
_TRANSFORM = re.compile(r"transform|augment", re.I)
_DATA = re.compile(r"dataset|folder|data$|data_?set|loader|_ds$|ds$", re.I)


def evaluation_datasets(file: SourceFile) -> Iterator[tuple[ast.Call, str]]:
    """Constructor calls of evaluation datasets, with the reason why each is one."""
    for call in list(file.every_call()):
        if not (call.args or call.keywords):
            continue
        named = dict(named_arguments(file, call))
        reason = _told(named)
        if reason == "train":
            continue
        if not reason and _looks_like_data(file, call, named):
            reason = _bound_as(file, call) or _of_all_splits(file, call)
        if reason and not _meant(file, call):
            yield call, reason


def pipelines(file: SourceFile, call: ast.Call) -> list[ast.expr]:
    """The arguments of a dataset that may be its transforms; not those that are for training by name."""
    unfit = {value for name, value in named_arguments(file, call) if _for_training(name)}
    return [value for value in (*call.args, *(k.value for k in call.keywords)) if value not in unfit]


def named_arguments(file: SourceFile, call: ast.Call) -> list[tuple[str, ast.expr]]:
    """The arguments by their names; those by position too, where the class is one of the project's."""
    named = [(item.arg, item.value) for item in call.keywords if item.arg]
    a_class = getattr(call.func, "attr", getattr(call.func, "id", ""))[:1].isupper()  # no file is opened else
    owner = file.classes.named(call.func) if call.args and a_class else None
    init = owner.method_info("__init__") if owner is not None and not owner.is_module else None
    if init is not None:
        order = [a.arg for a in (*init.node.args.posonlyargs, *init.node.args.args)][1:]
        plain = takewhile(lambda value: not isinstance(value, ast.Starred), call.args)
        named += zip(order, plain, strict=False)
    return named


def _for_training(name: str) -> bool:
    return any(part in words.TRAINING for part in words.parts(name))


def _told(named: dict[str, ast.expr]) -> str:
    """``train`` where the call says that it is for training, else the reason for evaluation, else empty."""
    for name, given in named.items():
        value = literal(given)
        if name in _TRAIN_FLAGS and isinstance(value, bool):
            return "train" if value else f"{name}=False"
        if name in _SPLITS and isinstance(value, str):
            held = _HELD.match(value.lower())
            return f"{name}={value!r}" if held else "train"
        if name in (*_TRAIN_FLAGS, *_SPLITS):
            return "train"  # decided by a value that is not known here
    return ""


def _looks_like_data(file: SourceFile, call: ast.Call, named: dict[str, ast.expr]) -> bool:
    tail = getattr(call.func, "attr", getattr(call.func, "id", ""))
    name = file.resolve(call.func) or ""
    return (
        bool(_DATA.search(tail))
        or name.startswith("torchvision.datasets.")
        or any(k.arg in ("transform", "transforms") for k in call.keywords)
        or any(_TRANSFORM.search(key) and value in call.args for key, value in named.items())
    )


def _bound_as(file: SourceFile, call: ast.Call) -> str:
    """The evaluation name that a dataset is bound to, directly or by the loader that takes it."""
    name = _target(file, call)
    if name and words.says_evaluation(name):
        return f"it is called {name}"
    parent = file.parent(call)
    outer = file.parent(parent) if isinstance(parent, ast.keyword) else parent
    if isinstance(outer, ast.Call) and _is_loader(outer) and (name := _target(file, outer)):
        return f"it is read by {name}" if words.says_evaluation(name) else ""
    if name is None or _for_training(name):
        return ""
    takers = [c for c in file.calls_in(_scope(file, call)) if _is_loader(c) and _takes(c, name)]
    named = [_target(file, taker) or "" for taker in takers]
    if named and all(words.says_evaluation(one) for one in named):
        return f"it is read by {named[0]}"
    return ""


def _of_all_splits(file: SourceFile, call: ast.Call) -> str:
    """``{x: ImageFolder(root / x, transforms[x]) for x in ["train", "val"]}`` builds the held-out one too."""
    outer = file.parent(call)
    if not isinstance(outer, ast.DictComp) or outer.value is not call or len(outer.generators) != 1:
        return ""
    splits = literal(outer.generators[0].iter)
    held = held_out(splits) if isinstance(splits, tuple) else ""
    return f"it is built for {held!r} as well" if held else ""


def _scope(file: SourceFile, node: ast.AST) -> ast.AST:
    return next(iter(file.names.functions_around(node)), None) or file.tree


def _target(file: SourceFile, call: ast.Call) -> str | None:
    """The name that a call's value is given to."""
    parent = file.parent(call)
    if isinstance(parent, ast.Assign) and parent.value is call and len(parent.targets) == 1:
        target = parent.targets[0]
        return getattr(target, "id", getattr(target, "attr", None))
    return None


def _is_loader(call: ast.Call) -> bool:
    return getattr(call.func, "attr", getattr(call.func, "id", "")).endswith("DataLoader")


def _takes(loader: ast.Call, name: str) -> bool:
    given = [*loader.args[:1], *(k.value for k in loader.keywords if k.arg == "dataset")]
    return any(isinstance(g, ast.Name) and g.id == name for g in given)


def _meant(file: SourceFile, call: ast.Call) -> bool:
    info = file.function_of(call)
    around = [info.name if info else "", file.path.rpartition("/")[2], _target(file, call) or ""]
    given = [name for item in (*call.args, *(k.value for k in call.keywords)) for name in identifiers(item)]
    comments = [line.partition("#")[2] for line in file.said(call).split("\n")]
    return any(_MEANT.search(text) for text in (*around, *given, *comments))
