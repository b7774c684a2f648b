"""Loaders that training reads in the order of the dataset, epoch after epoch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.data.loaders import Loader, loaders, name_of, purpose_of
from evalcheck.source.file import SILENCING, SourceFile
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.reaching import reaching
from evalcheck.source.values import literal, within

# The order was made random before, or somebody else makes it so.
_MIXED = re.compile(
    r"shuffle\((?!\s*False)|shuffled|randperm|permut|random_split\(|train_test_split\(|\.sample\(|KFold|random\.choice|"
    r"ShuffleSplit|shuffle=True|shuffle\s*=\s*(?:not|args|config|cfg|self|is_|opt|params)|argsort\(.*rand"
)
# The order means something: time, text, graphs, episodes; or it is no training that anybody would mind.
_MEANT = re.compile(
    r"time_?series|sequen(?!tial)|seqs?_|_seqs?\b|lstm|\bgru\b|\brnn|forecast|stateful|hidden_?state|"
    r"bptt|curricul|(?<!specific )language|token|vocab|graph|"
    r"geometric|\bdgl\b|stream|video|\bframes|episode|replay|rollout|reward|policy|temporal|window|horizon|"
    r"\bode\b|odeint|pde|collocation|continual|incremental|online|overfit|debug|benchmark|profil|throughput|"
    r"speed|synthetic|dummy|fake|toy|latent_?codes|full.?batch|quantiz|calibrat|prun|federat|client|opacus|privacy",
    re.I,
)
_SORTED = re.compile(
    r"^torchvision\.datasets\.(?:ImageFolder|DatasetFolder|Caltech\w+|Flowers102|Country211)$"
)
_MAPPED = re.compile(r"^torchvision\.datasets\.\w+$|^torch\.utils\.data\.TensorDataset$")
_WRAPS = ("enumerate", "tqdm", "trange", "track", "iter", "auto")


@dataclass(frozen=True, eq=False)
class Sequential:
    """``dataset`` is the class of what is read; ``by_class`` where its samples stand class by class."""

    loader: Loader
    dataset: str
    file: SourceFile
    loop: ast.For
    by_class: bool


def sequential_loaders(file: SourceFile) -> Iterator[Sequential]:
    """The loaders that a training loop of the same file reads without any shuffling, for certain."""
    if (
        _MIXED.search(_code(file))
        or _MEANT.search(SILENCING.sub("", file.text))
        or _MEANT.search("/".join(file.path.split("/")[-3:]))
    ):
        return
    for loader in loaders(file):
        if not loader.of_torch or loader.purpose == "evaluation" or not _in_order(loader):
            continue
        dataset = _dataset(file, loader)
        loop = _training_loop(file, loader)
        if dataset and loop is not None:
            yield Sequential(loader, dataset.rpartition(".")[2], *loop, bool(_SORTED.match(dataset)))


def _code(file: SourceFile) -> str:
    """The text without what loaders for evaluation are told."""
    return "\n".join(
        line
        for line in SILENCING.sub("", file.text).splitlines()
        if not ("oader" in line and purpose_of(line.strip().split("=")[0].strip()))
    )


def _in_order(loader: Loader) -> bool:
    told = loader.options
    shuffled = "shuffle" in told and loader.told("shuffle") is not False
    return loader.fully_known and not shuffled and not {"sampler", "batch_sampler"} & set(told)


def _dataset(file: SourceFile, loader: Loader) -> str:
    """The class of a dataset that is read by index and does not mix by itself, nothing where unsure."""
    node = loader.options.get("dataset")
    value = reaching(file, node) if isinstance(node, (ast.Name, ast.Attribute)) else node
    if not isinstance(value, ast.Call) or any(
        k.arg == "train" and literal(k.value) is False for k in value.keywords
    ):
        return ""
    name = file.resolve(value.func) or ""
    if _MAPPED.match(name) and "rand" not in ast.unparse(value):
        return name
    owner = file.classes.named(value.func)
    if owner is None or owner.method("__getitem__") is None or owner.method("__iter__") is not None:
        return ""
    texts = [one.file.said(one.node) for one in owner.lineage()]
    return owner.name if not any(re.search(r"shuf|perm|rand|sort", text) for text in texts) else ""


def _training_loop(file: SourceFile, loader: Loader) -> tuple[SourceFile, ast.For] | None:
    """A loop in which the loader is read and gradients are taken, and its file."""
    if not loader.bound or loader.call not in _given(file, loader):
        return None
    for there, function, name in _readers(file, loader):
        for call in there.every_call():
            if not isinstance(call.func, ast.Attribute) or call.func.attr != "backward":
                continue
            for outer in there.ancestors(call):
                reads = isinstance(outer, ast.For) and _reads(outer.iter, name)
                if reads and isinstance(outer, ast.For) and there.function_of(outer) is function:
                    return there, outer
    return None


def _readers(file: SourceFile, loader: Loader) -> Iterator[tuple[SourceFile, FunctionInfo | None, str]]:
    """The functions that know the loader, with the name that each has for it."""
    scope = next(iter(file.names.functions_around(loader.call)), None) or file.tree
    stores = file.index.stores[scope].get(loader.bound, [])
    if len(stores) > 1:
        return  # replaced by something else
    yield file, file.function_of(loader.call), loader.bound
    if scope is file.tree:
        for info in file.functions:
            if loader.bound not in info.parameters and loader.bound not in file.index.stores[info.node]:
                yield file, info, loader.bound
    for call in file.calls_in(scope):
        handed = [i for i, a in enumerate(call.args) if isinstance(a, ast.Name) and a.id == loader.bound]
        named = [k.arg for k in call.keywords if isinstance(k.value, ast.Name) and k.value.id == loader.bound]
        callee = file.callee(call) if handed or named else None
        if callee is None:
            continue
        own = callee.parameters[1:] if callee.receiver else callee.parameters
        for name in [*(own[i] for i in handed if i < len(own)), *(n for n in named if n)]:
            yield callee.file, callee, name


def _given(file: SourceFile, loader: Loader) -> list[ast.AST]:
    """What the statement that builds the loader gives to its name, without what else may be put into it."""
    statement = file.statement(loader.call)
    return list(within(statement.value)) if isinstance(statement, ast.Assign) else []


def _reads(node: ast.expr, name: str) -> bool:
    while isinstance(node, ast.Call) and name_of(node.func) in _WRAPS and node.args:
        node = node.args[0]
    return isinstance(node, (ast.Name, ast.Attribute)) and name_of(node) == name
