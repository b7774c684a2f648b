"""The uses of attributes in a file: those on ``self`` by the class, and those on anything else."""

from __future__ import annotations

import ast
from collections import defaultdict
from functools import cached_property

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.values import is_self


class AttributeUses:
    """Every use of an attribute, looked up by its name; one pass over a file, when it is first asked."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file

    def of(self, owner: ClassInfo, name: str) -> list[ast.Attribute]:
        """The uses on ``self`` in a class, in its ancestors and in what inherits from it."""
        by_class = self._all[0].get(name, {})
        return [use for one in self._kin[owner] for use in by_class.get(one, ())]

    def elsewhere(self, name: str) -> list[ast.Attribute]:
        """The uses on anything but ``self``: on which object is not known."""
        return self._all[1].get(name, [])

    @cached_property
    def _all(self) -> tuple[dict[str, dict[ClassInfo, list[ast.Attribute]]], dict[str, list[ast.Attribute]]]:
        on_self: dict[str, dict[ClassInfo, list[ast.Attribute]]] = defaultdict(lambda: defaultdict(list))
        others: dict[str, list[ast.Attribute]] = defaultdict(list)
        for nodes in self._file.index.attributes.values():
            method = self._file.functions.method_around(nodes[0])  # one scope, one method
            owner = method.owner if method is not None else None
            receiver = method.receiver if method is not None else None
            for node in nodes:
                if owner is not None and is_self(node.value, receiver):
                    on_self[node.attr][owner].append(node)
                else:
                    others[node.attr].append(node)
        return on_self, others

    @cached_property
    def _kin(self) -> dict[ClassInfo, dict[ClassInfo, None]]:
        """The ancestors and descendants of each class."""
        kin: dict[ClassInfo, dict[ClassInfo, None]] = defaultdict(dict)
        for owner in self._file.classes:
            for ancestor in owner.lineage():
                kin[owner][ancestor] = None
                kin[ancestor][owner] = None
        return kin
