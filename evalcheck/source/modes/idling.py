"""Functions that have nothing to do with modes: their calls need not be followed.

Logging, optimiser set-up, batches and metrics make most of a training script. A function is idle if its
own text, and that of the functions it calls, neither runs, builds, switches nor hands on a model.
"""

from __future__ import annotations

import ast

from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes import effects
from evalcheck.source.modes.dotted import dotted
from evalcheck.source.modes.names_of_models import makes_model, says_model
from evalcheck.source.names import parameters
from evalcheck.source.values import literal, within
from evalcheck.source.words import each

_SPEAKS = each("train eval training backward manual_backward module apply forward")
_PLAIN = (ast.Constant, ast.BinOp, ast.Compare, ast.UnaryOp, ast.List, ast.Dict, ast.JoinedStr, ast.BoolOp)


class Idling:
    """Answers from the text of functions, each worked out once."""

    def __init__(self) -> None:
        self._known: dict[FunctionInfo, bool] = {}

    def is_idle(self, info: FunctionInfo) -> bool:
        """Whether a call of a function leaves every mode alone and gives no model."""
        if info not in self._known:
            self._known[info] = False  # a function that calls itself is followed
            self._known[info] = self._looks_idle(info)
        return self._known[info]

    def _looks_idle(self, info: FunctionInfo) -> bool:
        index = info.file.index
        if makes_model(info.name) or index.inner.get(info.node) or info.node.decorator_list:
            return False
        for node in index.attributes.get(info.node, ()):
            if node.attr in _SPEAKS:
                return False
            parent = index.parents.get(node)
            if not isinstance(node.ctx, ast.Store) or isinstance(parent, ast.AugAssign):
                continue
            value = parent.value if isinstance(parent, (ast.Assign, ast.AnnAssign)) else None
            settles = info.name == "__init__" and isinstance(literal(value), bool)  # which way others go
            if not isinstance(value, _PLAIN) or settles:
                return False
        if not all(self._harmless(info, call) for call in index.calls.get(info.node, ())):
            return False
        given = [n.value for n in within(info.node) if isinstance(n, (ast.Return, ast.Yield)) and n.value]
        return not any(_may_be_model(value) for value in given)

    def _harmless(self, info: FunctionInfo, call: ast.Call) -> bool:
        func, file = call.func, info.file
        name = dotted(file.resolve, func)
        if effects.EXPORTS.match(name) or effects.FUSIONS.match(name):
            return False
        if isinstance(func, ast.Name):
            if func.id in effects.BUILTINS or effects.LOOKING.match(name) or effects.KEEPS.match(func.id):
                return True
            if func.id in parameters(info.node) or says_model(func.id):
                return False
            own = file.functions.top(func.id)
            return own is not None and own.file is file and self.is_idle(own)
        if not isinstance(func, ast.Attribute):
            return False
        if func.attr in effects.HARMLESS or effects.KEEPS.match(func.attr) or effects.LOOKING.match(name):
            return True
        return self._method(info, func)

    def _method(self, info: FunctionInfo, func: ast.Attribute) -> bool:
        chain: ast.expr = func.value
        while isinstance(chain, (ast.Attribute, ast.Subscript)):
            if says_model(getattr(chain, "attr", "")):
                return False
            chain = chain.value
        if not isinstance(chain, ast.Name) or says_model(chain.id) or says_model(func.attr):
            return False
        if chain is func.value and chain.id == info.receiver:
            method = info.owner.methods.get(func.attr) if info.owner else None
            return method is not None and self.is_idle(info.file.functions.by_node[method])
        return chain is not func.value and chain.id == info.receiver


def _may_be_model(value: ast.expr) -> bool:
    """Whether what is given back may be a model, by its name."""
    names = [n.id for n in within(value) if isinstance(n, ast.Name)]
    return any(
        says_model(n) for n in (*names, *(n.attr for n in within(value) if isinstance(n, ast.Attribute)))
    )
