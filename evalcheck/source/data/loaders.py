"""Loaders of batches: what each is told, and whether it is read for training or for evaluation."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.values import UNKNOWN, assigned, literal
from evalcheck.source.words import each

Purpose = Literal["train", "evaluation", ""]

# The parameters of torch's loader in their order; the loaders built on it take them too.
_ORDER = (
    "dataset",
    "batch_size",
    "shuffle",
    "sampler",
    "batch_sampler",
    "num_workers",
    "collate_fn",
    "pin_memory",
    "drop_last",
)
_TORCH = each("torch.utils.data.DataLoader torch.utils.data.dataloader.DataLoader")
_LIKE_IT = each("torch_geometric.loader.DataLoader torch_geometric.data.DataLoader monai.data.DataLoader")
# Calls that hand a loader on as it is.
_THROUGH = each("cycle iter prepare setup_dataloaders prepare_data_loader MpDeviceLoader tqdm list cast")
_SPLIT_WORDS = each("split splits set sets")


@dataclass(frozen=True, eq=False)
class Loader:
    """A call that builds a loader."""

    file: SourceFile
    call: ast.Call
    of_torch: bool

    @cached_property
    def options(self) -> dict[str, ast.expr]:
        """What it is given, by the parameter's name; dicts that are unpacked into it included."""
        order = _ORDER if self.of_torch else (*_ORDER[:3], *[""] * len(self.call.args))
        found = dict(zip(order, self.call.args, strict=False))
        for item in self.call.keywords:
            if item.arg:
                found[item.arg] = item.value
            else:
                found = {**found, **(_unpacked(self.file, item.value) or {})}
        return found

    @cached_property
    def fully_known(self) -> bool:
        """Whether nothing is unpacked into it that the file does not show."""
        starred = any(isinstance(argument, ast.Starred) for argument in self.call.args)
        hidden = (k for k in self.call.keywords if k.arg is None)
        return not starred and all(_unpacked(self.file, k.value) is not None for k in hidden)

    def told(self, name: str) -> object:
        """The literal that an option has, None where it is left out, ``UNKNOWN`` for anything else."""
        return literal(self.options[name]) if name in self.options else None

    @cached_property
    def bound(self) -> str:
        """The name under which it is kept, handed on or returned."""
        return bound_name(self.file, self.call)

    @cached_property
    def purpose(self) -> Purpose:
        """What it is read for, as far as names say; nothing where they contradict each other."""
        dataset = self.options.get("dataset")
        read = name_of(dataset) if dataset is not None else ""
        if isinstance(dataset, ast.Call):
            read = name_of(dataset.func)
        return agreed(self.bound, read)


def loaders(file: SourceFile) -> Iterator[Loader]:
    """The loaders that a file builds, in the order of the source of each scope."""
    for call in list(file.every_call()):
        name = file.resolve(call.func)
        if name in _TORCH or name in _LIKE_IT:
            yield Loader(file, call, name in _TORCH)


def agreed(*names: str) -> Purpose:
    """The purpose that several names speak of, the first that speaks at all unless another contradicts."""
    said = {purpose for purpose in map(purpose_of, names) if purpose}
    return said.pop() if len(said) == 1 else ""


def purpose_of(name: str) -> Purpose:
    """The purpose that one name speaks of."""
    found = words.parts(name)
    if any(part in words.TRAINING for part in found):
        return "" if any(part in words.EVALUATION for part in found) else "train"
    rest = [p for p in found if p not in words.EVALUATION and p not in _SPLIT_WORDS]
    return "evaluation" if words.says_evaluation(name) and rest != ["all"] else ""


def name_of(node: ast.AST) -> str:
    """The last name in an expression: ``val`` for ``self.val``, ``sets["val"]`` and ``sets.val``."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        key = literal(node.slice)
        return key if isinstance(key, str) else name_of(node.value)
    return ""


def bound_name(file: SourceFile, node: ast.AST) -> str:
    """The name that a value gets: of a variable, attribute, key, parameter, or function that returns it."""
    parent = file.parent(node)
    if isinstance(parent, ast.Call) and name_of(parent.func) in _THROUGH and len(parent.args) < 3:
        return bound_name(file, parent)
    if isinstance(parent, (ast.Assign, ast.AnnAssign)):
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        return name_of(targets[0]) if len(targets) == 1 else ""
    if isinstance(parent, ast.keyword):
        return parent.arg or ""
    if isinstance(parent, ast.Dict):
        key = next((k for k, v in zip(parent.keys, parent.values, strict=True) if v is node), None)
        value = literal(key)
        return value if isinstance(value, str) else ""
    if isinstance(parent, ast.IfExp) and node is not parent.test:
        return bound_name(file, parent)
    if isinstance(parent, ast.Tuple):
        return _unpacked_target(file, parent, node)
    if isinstance(parent, ast.Return):
        info = file.function_of(parent)
        return info.name if info else ""
    return ""


def _unpacked_target(file: SourceFile, values: ast.Tuple, node: ast.AST) -> str:
    outer = file.parent(values)
    if not isinstance(outer, ast.Assign) or len(outer.targets) != 1:
        return ""
    target = outer.targets[0]
    if isinstance(target, ast.Tuple) and len(target.elts) == len(values.elts):
        return name_of(target.elts[next(i for i, v in enumerate(values.elts) if v is node)])
    return ""


def _unpacked(file: SourceFile, node: ast.expr) -> dict[str, ast.expr] | None:
    """The items of a dict that is unpacked, where all of them can be seen."""
    if isinstance(node, ast.Name):
        values = assigned(file, node)
        if len(values) != 1 or _changed(file, node.id):
            return None
        node = values[0]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        plain = not node.args and all(k.arg for k in node.keywords)
        return {k.arg: k.value for k in node.keywords if k.arg} if plain else None
    if isinstance(node, ast.Dict):
        keys = [literal(key) if key is not None else UNKNOWN for key in node.keys]
        if all(isinstance(key, str) for key in keys):
            return {str(key): value for key, value in zip(keys, node.values, strict=True)}
    return None


def _changed(file: SourceFile, name: str) -> bool:
    """Whether something is put into a dict of this name after it was made."""
    for call in file.every_call():
        func = call.func
        changes = isinstance(func, ast.Attribute) and func.attr in ("update", "pop", "setdefault")
        if changes and isinstance(func, ast.Attribute) and name_of(func.value) == name:
            return True
    return f"{name}[" in file.text
