"""Random generators that a dataset or a transform keeps, and that loading a sample draws from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.index import Function
from evalcheck.source.values import is_self, nested, stores_on_self
from evalcheck.source.words import each

MAKERS = {
    "numpy.random.default_rng": "default_rng",
    "numpy.random.RandomState": "RandomState",
    "numpy.random.Generator": "Generator",
    "random.Random": "random.Random",
    "torch.Generator": "torch.Generator",
}
# Methods of a generator that start it anew instead of drawing.
_RESTARTS = each("seed manual_seed set_state setstate initial_seed get_state getstate")
# Words by which a class says that it gives its workers generators of their own.
_HANDLED = re.compile(
    r"get_worker_info|worker_id|worker_init|worker_seed|set_random_state|set_rnd|Randomizable|reseed|set_epoch|"
    r"__setstate__|set_seed|getpid|on_epoch|seed_worker|SeedSequence"
)
_TRANSFORM = re.compile(
    r"transform|augment|collat|crop|flip|jitter|mix|noise|mask|pertur|distort|blur|erase", re.I
)
_FRAMES = re.compile(r"torch|torchvision|torchaudio|torchio|lightning|pytorch_lightning|kornia|timm")
# What a transform is handed.
_SAMPLE = each(
    "img image images sample x tensor waveform wav audio batch data item feat spec video frames signal"
)


@dataclass(frozen=True, eq=False)
class Stored:
    """``store`` is where the generator is kept, ``draw`` where loading a sample draws from it."""

    store: ast.Attribute
    draw: ast.Attribute
    owner: ClassInfo
    maker: str
    dataset: bool


def stored_generators(file: SourceFile) -> Iterator[Stored]:
    """The generators that the datasets and transforms of a file take along into each worker."""
    for owner in file.classes:
        role = _role(file, owner)
        if role and not _HANDLED.search(file.said(owner.node)) and not _handled_above(owner):
            yield from _of_class(file, owner, role)


def _role(file: SourceFile, owner: ClassInfo) -> str:
    """``__getitem__`` for a dataset, ``__call__`` for a transform, else nothing."""
    bases = owner.outer_bases
    if any(base.rpartition(".")[2] in ("IterableDataset", "Sampler", "Env") for base in bases):
        return ""
    if "__getitem__" in owner.methods and file.names.packages & {"torch", "torchvision", "torch_geometric"}:
        named = owner.name.lower().endswith(("dataset", "data", "set", "folder"))
        return "__getitem__" if named or any(base.endswith("Dataset") for base in bases) else ""
    call = owner.methods.get("__call__")
    if call is None or not any(_FRAMES.fullmatch(package) for package in file.names.packages):
        return ""
    folders = file.path.rpartition("/")[0].rsplit("/", 1)[-1] + "/" + file.path.rpartition("/")[2]
    spoken = _TRANSFORM.search(owner.name) or re.search(r"transform|augment", folders)
    args = [a.arg for a in call.args.args[1:2]]
    return "__call__" if spoken and args and args[0].lower() in _SAMPLE else ""


def _handled_above(owner: ClassInfo) -> bool:
    above = [base.rpartition(".")[2] for base in owner.outer_bases]
    return any("Random" in base or base.endswith(("MapTransform", "Env")) for base in above) or any(
        _HANDLED.search(one.file.said(one.node)) for one in owner.lineage() if one is not owner
    )


def _of_class(file: SourceFile, owner: ClassInfo, entry: str) -> Iterator[Stored]:
    init = owner.methods.get("__init__")
    if init is None:
        return
    reached = _reached(file, owner, entry)
    for store, value in stores_on_self(file, init):
        maker = _maker(file, value)
        if maker is None or _stored_again(file, owner, store):
            continue
        loads = [load for method in reached for load in _loads(file, method, store.attr)]
        draws = [load for load in loads if not _restarts(file, load)]
        if draws and len(draws) == len(loads):
            yield Stored(store, draws[0], owner, maker, entry == "__getitem__")


def _maker(file: SourceFile, value: ast.expr) -> str | None:
    """What makes the generator; ``torch.Generator().manual_seed(0)`` gives it back."""
    while (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "manual_seed"
    ):
        value = value.func.value
    return MAKERS.get(file.resolve(value.func) or "") if isinstance(value, ast.Call) else None


def _stored_again(file: SourceFile, owner: ClassInfo, store: ast.Attribute) -> bool:
    return any(
        other.attr == store.attr and method.name != "__init__"
        for method in owner.methods.values()
        for other, _ in stores_on_self(file, method)
    )


def _reached(file: SourceFile, owner: ClassInfo, entry: str) -> list[Function]:
    """The methods of the class that loading a sample runs."""
    waiting, found = [owner.methods[entry]], list[Function]()
    while waiting:
        method = waiting.pop()
        if method in found:
            continue
        found.append(method)
        receiver = file.functions.by_node[method].receiver
        for scope in nested(file, method):
            waiting += [
                owner.methods[node.attr]
                for node in file.index.attributes.get(scope, ())
                if is_self(node.value, receiver) and node.attr in owner.methods and node.attr != "__init__"
            ]
    return found


def _loads(file: SourceFile, method: Function, name: str) -> Iterator[ast.Attribute]:
    receiver = file.functions.by_node[method].receiver
    for scope in nested(file, method):
        for node in file.index.attributes.get(scope, ()):
            if node.attr == name and is_self(node.value, receiver) and isinstance(node.ctx, ast.Load):
                yield node


def _restarts(file: SourceFile, load: ast.Attribute) -> bool:
    outer = file.parent(load)
    return isinstance(outer, ast.Attribute) and outer.attr in _RESTARTS
