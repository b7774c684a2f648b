"""The classes of a file: what they inherit, across the files of the project, and which are modules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from evalcheck.source.frameworks import sets_modes
from evalcheck.source.index import FUNCTIONS, Function

if TYPE_CHECKING:
    from evalcheck.source.file import SourceFile
    from evalcheck.source.functions import FunctionInfo

LONGEST_LINEAGE = 40

# Ends of names of classes that are no modules, and of which nothing needs to be known.
_NO_MODULE = re.compile(
    r"(?:Config|Configuration|Output|Arguments|Processor|Extractor|Tokenizer|Callback|Error|Exception|Enum)$"
)
# Bases that are torch modules though they are defined elsewhere.
MODULE_TAILS = ("PreTrainedModel", "LightningModule", "MessagePassing", "BaseModule")


@dataclass(eq=False)
class ClassInfo:
    """A class of the user's. ``file`` is the file that it stands in: look everything up there.

    ``parents`` are the bases of which the class was found, in this file or in another one of the project.
    """

    node: ast.ClassDef
    file: SourceFile
    methods: dict[str, Function] = field(default_factory=dict)
    keeps: bool | None = None  # answers of evalcheck.source.layers, worked out once
    modes: tuple[bool | None, ...] = ()

    @property
    def name(self) -> str:
        return self.node.name

    @cached_property
    def bases(self) -> tuple[str, ...]:
        """The dotted names of the bases that are not defined in this file; no other file is opened."""
        here = self.file.classes
        names = (
            self.file.resolve(base) for base in _bases(self.node) if here.at_top(base, self.node) is None
        )
        return tuple(name for name in names if name)

    @cached_property
    def unknown_bases(self) -> bool:
        """Whether a base is neither defined in the file nor imported."""
        return any(
            self.file.classes.at_top(base, self.node) is None
            and not self.file.resolve(base)
            and not (isinstance(base, ast.Name) and base.id in ("object", "Exception"))
            for base in _bases(self.node)
        )

    @cached_property
    def parents(self) -> tuple[ClassInfo, ...]:
        found = (self.file.classes.named(base) for base in _bases(self.node) if _followed(base))
        return tuple(parent for parent in found if parent is not None and parent is not self)

    def lineage(self) -> Iterator[ClassInfo]:
        """The class and its ancestors in the project, nearest first, each once."""
        seen: dict[ClassInfo, None] = {}
        waiting = [self]
        while waiting and len(seen) < LONGEST_LINEAGE:
            one = waiting.pop(0)
            if one not in seen:
                seen[one] = None
                waiting.extend(one.parents)
        return iter(seen)

    def method(self, name: str) -> Function | None:
        """A method by its name, inherited ones of the project included."""
        return next((c.methods[name] for c in self.lineage() if name in c.methods), None)

    def method_info(self, name: str) -> FunctionInfo | None:
        """The same with the file that it stands in."""
        for one in self.lineage():
            if name in one.methods:
                return one.file.functions.by_node[one.methods[name]]
        return None

    @cached_property
    def outer_bases(self) -> tuple[str, ...]:
        """The dotted names of all bases of which no class is found in the project."""
        found = (
            c.file.resolve(base)
            for c in self.lineage()
            for base in _bases(c.node)
            if not _followed(base) or c.file.classes.named(base) is None
        )
        return tuple(base for base in found if base)

    @cached_property
    def is_module(self) -> bool:
        """Whether this is a ``torch.nn.Module`` for certain."""
        if any(_torch_module(base) for base in self.bases):
            return True  # no other file needs to be opened for it
        return any(_torch_module(base) for base in self.outer_bases)

    @cached_property
    def may_be_module(self) -> bool:
        """Whether it is one, or inherits from something unknown and has a forward."""
        if self.is_module:
            return True
        if self.of_framework or not (self.outer_bases or any(c.unknown_bases for c in self.lineage())):
            return False
        known = any(base.startswith(("torch.", "abc.", "typing.")) for base in self.outer_bases)
        return not known and self.method("forward") is not None

    @cached_property
    def of_framework(self) -> bool:
        """Whether a training framework runs it."""
        own = self.file.project.frameworks if self.file.project else frozenset()
        return any(sets_modes(base, own) for base in self.outer_bases)


def _bases(node: ast.ClassDef) -> Iterator[ast.expr]:
    """The bases as expressions, ``Generic[T]`` as ``Generic``."""
    for base in node.bases:
        yield base.value if isinstance(base, ast.Subscript) else base


def _followed(base: ast.expr) -> bool:
    """Whether the class behind a base may tell something: not where its name says all."""
    name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
    return name not in MODULE_TAILS and not _NO_MODULE.search(name)


def _torch_module(base: str) -> bool:
    if base.startswith("torch.nn.") and not base.startswith(("torch.nn.functional", "torch.nn.Parameter")):
        return True
    return base.rpartition(".")[2] in MODULE_TAILS and base.split(".")[0] not in ("keras", "flax", "paddle")


class Classes:
    """All classes of a file by node, and those of the project by the name that the file has for them."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        index = file.index
        self.by_node: dict[ast.AST, ClassInfo] = {node: ClassInfo(node, file) for node in index.classes}
        self._top = {n.name: self.by_node[n] for n in index.classes}
        for info in self.by_node.values():
            info.methods = {n.name: n for n in _direct(info.node) if isinstance(n, FUNCTIONS)}

    def at_top(self, node: ast.AST, other_than: ast.AST | None = None) -> ClassInfo | None:
        """The class of this file that a name means."""
        if not isinstance(node, ast.Name) or self._file.names.is_local(node):
            return None
        found = self._top.get(node.id)
        return found if found is None or found.node is not other_than else None

    def named(self, node: ast.AST) -> ClassInfo | None:
        """The class of the project that an expression names: of this file, or imported into it."""
        if not isinstance(node, (ast.Name, ast.Attribute)):
            return None
        here = self.at_top(node)
        if here is not None or self._file.project is None:
            return here
        there = self._file.elsewhere(node)
        return there[0].classes.by_node.get(there[1]) if there else None

    def top(self, name: str) -> ClassInfo | None:
        """A class of this file by its name."""
        return self._top.get(name)

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
