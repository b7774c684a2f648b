"""Whether an expression is a torch module, as far as the file tells."""

from __future__ import annotations

import ast

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.values import assigned, is_self, self_attributes
from evalcheck.source.words import each

# Last parts of names that people give to modules, in files that use torch.
_MODULES = each(
    "model net network encoder decoder generator discriminator backbone classifier critic actor "
    "teacher student module resnet unet transformer autoencoder vae lstm"
)
# Methods that only a module is asked for.
_ASKED = each("parameters named_parameters state_dict load_state_dict named_modules zero_grad")
# Calls that give back the module that they are called on or given.
_SAME = each("to cuda cpu float half double eval train compile DataParallel")


def is_module(file: SourceFile, node: ast.expr) -> bool:
    """Whether an expression is plausibly a module: by what it was given, how it is used, or its name."""
    owner = file.class_of(node)
    info = file.functions.method_around(node)
    if info is not None and is_self(node, info.receiver):
        return owner is not None and owner.is_module
    values = _given(file, node)
    verdicts = [_builds_module(file, value) for value in values]
    if any(verdict is False for verdict in verdicts):
        return False
    return any(verdicts) or _asked_as_module(file, node) or _named_as_module(node)


def _given(file: SourceFile, node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.Name):
        return assigned(file, node)
    owner, info = file.class_of(node), file.functions.method_around(node)
    if isinstance(node, ast.Attribute) and owner and info and is_self(node.value, info.receiver):
        return [value for _, value in self_attributes(file, owner).get(node.attr, [])]
    return []


def _builds_module(file: SourceFile, value: ast.expr) -> bool | None:
    """True or False where the constructor is known, None where it is not."""
    while isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _SAME:
        value = value.func.value
    if not isinstance(value, ast.Call):
        return None
    here = file.classes.named(value.func)
    if here is not None:
        return True if here.is_module else None if here.may_be_module else False
    name = file.resolve(value.func) or ""
    if name.startswith(("pandas.", "polars.", "numpy.", "tensorflow.", "keras.", "sympy.", "numexpr.")):
        return False
    known = name.startswith(("torch.nn.", "torchvision.models.")) and "functional" not in name
    return True if known or name == "timm.create_model" else None


def _asked_as_module(file: SourceFile, node: ast.expr) -> bool:
    """Whether the same expression is asked for its parameters or state elsewhere in the file."""
    wanted = _chain(node)
    return bool(wanted) and any(
        isinstance(call.func, ast.Attribute)
        and call.func.attr in _ASKED
        and _chain(call.func.value) == wanted
        for call in file.every_call()
    )


def _chain(node: ast.expr) -> tuple[str, ...]:
    """``a.b.c`` as its parts; nothing for any other expression."""
    found: list[str] = []
    while isinstance(node, ast.Attribute):
        found.append(node.attr)
        node = node.value
    return (*found, node.id) if isinstance(node, ast.Name) else ()


def _named_as_module(node: ast.expr) -> bool:
    name = node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
    found = [part for part in words.parts(name) if not part.isdigit()]
    return bool(found) and found[-1] in _MODULES
