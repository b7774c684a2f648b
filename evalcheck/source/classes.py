"""The classes of a file: which are modules, and what they keep on ``self``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from evalcheck.source.index import FUNCTIONS, Function, Index
from evalcheck.source.names import Names
from evalcheck.source.words import each

# Frameworks that run the loops and set the modes themselves.
FRAMEWORKS = each(
    "lightning pytorch_lightning fastai skorch ignite catalyst composer flash keras tensorflow flax "
    "haiku paddle chainer mxnet mindspore tensorflow_addons determined poptorch lightning_fabric"
)

# Bases that are torch modules though they are defined elsewhere.
MODULE_TAILS = ("PreTrainedModel", "LightningModule", "MessagePassing", "BaseModule")


@dataclass(eq=False)
class ClassInfo:
    """A class of the file. ``bases`` are dotted names; ``parents`` those bases that are in the file."""

    node: ast.ClassDef
    bases: tuple[str, ...] = ()
    parents: tuple[ClassInfo, ...] = ()
    unknown_bases: bool = False
    methods: dict[str, Function] = field(default_factory=dict)
    keeps: bool | None = None  # answers of evalcheck.source.layers, worked out once
    modes: tuple[bool | None, ...] = ()

    @property
    def name(self) -> str:
        return self.node.name

    def lineage(self) -> Iterator[ClassInfo]:
        """The class and its ancestors in the file, nearest first, each once."""
        seen: dict[ClassInfo, None] = {}
        waiting = [self]
        while waiting:
            one = waiting.pop(0)
            if one not in seen:
                seen[one] = None
                waiting.extend(one.parents)
        return iter(seen)

    def method(self, name: str) -> Function | None:
        """A method by its name, inherited ones of the file included."""
        return next((c.methods[name] for c in self.lineage() if name in c.methods), None)

    @property
    def outer_bases(self) -> tuple[str, ...]:
        """The dotted names of all bases that are defined elsewhere."""
        return tuple(base for c in self.lineage() for base in c.bases)

    @property
    def is_module(self) -> bool:
        """Whether this is a ``torch.nn.Module`` for certain."""
        return any(_torch_module(base) for base in self.outer_bases)

    @property
    def may_be_module(self) -> bool:
        """Whether it is one, or inherits from something unknown and has a forward."""
        if self.is_module:
            return True
        if self.of_framework or not (self.outer_bases or any(c.unknown_bases for c in self.lineage())):
            return False
        known = any(base.startswith(("torch.", "abc.", "typing.")) for base in self.outer_bases)
        return not known and self.method("forward") is not None

    @property
    def of_framework(self) -> bool:
        """Whether a training framework runs it."""
        return any(
            base.lstrip(".").split(".")[0] in FRAMEWORKS or base.endswith("LightningModule")
            for base in self.outer_bases
        )


def _torch_module(base: str) -> bool:
    if base.startswith("torch.nn.") and not base.startswith(("torch.nn.functional", "torch.nn.Parameter")):
        return True
    return base.rpartition(".")[2] in MODULE_TAILS and base.split(".")[0] not in ("keras", "flax", "paddle")


class Classes:
    """All classes of a file, by node and, at the top of the file, by name."""

    def __init__(self, tree: ast.Module, index: Index, names: Names) -> None:
        self.by_node: dict[ast.AST, ClassInfo] = {node: ClassInfo(node) for node in index.classes}
        self._top = {n.name: self.by_node[n] for n in index.classes}
        self._names = names
        for info in self.by_node.values():
            self._fill(info)

    def _fill(self, info: ClassInfo) -> None:
        info.methods = {n.name: n for n in _direct(info.node) if isinstance(n, FUNCTIONS)}
        bases, parents = list[str](), list[ClassInfo]()
        for base in info.node.bases:
            node = base.value if isinstance(base, ast.Subscript) else base
            here = self._top.get(node.id) if isinstance(node, ast.Name) else None
            if here is not None and here is not info:
                parents.append(here)
            elif dotted := self._names.resolve(node):
                bases.append(dotted)
            elif not (isinstance(node, ast.Name) and node.id in ("object", "Exception")):
                info.unknown_bases = True
        info.bases, info.parents = tuple(bases), tuple(parents)

    def named(self, node: ast.AST) -> ClassInfo | None:
        """The class of the file that an expression names."""
        if isinstance(node, ast.Name) and not self._names.is_local(node):
            return self._top.get(node.id)
        return None

    def __iter__(self) -> Iterator[ClassInfo]:
        return iter(self.by_node.values())


def _direct(node: ast.ClassDef) -> Iterator[ast.stmt]:
    """The statements of a class body, those under ``if`` and ``try`` included."""
    waiting: list[ast.stmt] = list(node.body)
    while waiting:
        one = waiting.pop(0)
        yield one
        if isinstance(one, (ast.If, ast.Try)):
            waiting.extend(one.body)
            waiting.extend(one.orelse)
