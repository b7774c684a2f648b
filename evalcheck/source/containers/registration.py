"""How a plain collection of modules becomes one that torch sees, where nothing else changes by it."""

from __future__ import annotations

import ast
from collections.abc import Callable

from evalcheck.finding import Fix
from evalcheck.source.containers.attribute_uses import AttributeUses
from evalcheck.source.containers.collections_of_modules import Kept
from evalcheck.source.edits import wrap_in_call
from evalcheck.source.file import SourceFile
from evalcheck.source.layers import torch_layer
from evalcheck.source.values import assigned, literal
from evalcheck.source.words import each

TITLE = "register the modules"
# Calls that only look at the collection or run through it; the same for a list and a ModuleList.
_LOOKING = each("len enumerate zip reversed list tuple iter range print")
_NO_LAYERS = each("Parameter Buffer UninitializedParameter UninitializedBuffer")
# What a module has by itself, which a ModuleDict therefore refuses as a key.
_TAKEN = each(
    "T_destination add_module apply bfloat16 buffers call_super_init children clear compile cpu cuda double "
    "dump_patches eval extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half "
    "ipu items keys load_state_dict modules mtia named_buffers named_children named_modules "
    "named_parameters parameters pop register_backward_hook register_buffer register_forward_hook "
    "register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook "
    "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module "
    "register_parameter register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ "
    "set_extra_state set_submodule share_memory state_dict to to_empty train training type update values "
    "xpu zero_grad"
)


class Registration:
    """The collections of one file: what is worked out for one of them serves the others."""

    def __init__(self, file: SourceFile) -> None:
        self._file = file
        self._uses = AttributeUses(file)
        self._plain_elsewhere: dict[tuple[str, str], bool] = {}

    def fix(self, kept: Kept) -> Fix | None:
        """``nn.ModuleList`` around a list, ``nn.ModuleDict`` around a dict: None where it is not certain.

        Every element must be a module; the file may do nothing with the collection that the container cannot.
        """
        file, kind = self._file, _container(kept.value)
        if kind is None or not isinstance(file.parent(kept.store), ast.Assign) or _has_two_names(file, kept):
            return None
        if not _after_super(file, kept) or not _all_modules(file, kept.value):
            return None
        if not self._used_plainly(kept, kind):
            return None
        # Keys that are only known at run time may have dots, which a ModuleDict refuses.
        known = kind == "ModuleList" or isinstance(kept.value, ast.Dict)
        return wrap_in_call(file, kept.value, f"torch.nn.{kind}", TITLE, safe=known)

    def _used_plainly(self, kept: Kept, kind: str) -> bool:
        """Whether every use of the attribute in the file is one that the container allows."""
        attribute, owner = kept.store.attr, kept.function.owner
        if owner is None or not self._elsewhere_plain(attribute, kind):
            return False
        uses = self._uses.of(owner, attribute)
        return all(use is kept.store or _plain(self._file, use, kind) for use in uses)

    def _elsewhere_plain(self, attribute: str, kind: str) -> bool:
        """The same for uses on other objects, of whose class nothing is known."""
        known = self._plain_elsewhere.get((attribute, kind))
        if known is None:
            file = self._file
            known = f'"{attribute}"' not in file.text and f"'{attribute}'" not in file.text  # getattr
            known = known and all(_plain(file, use, kind) for use in self._uses.elsewhere(attribute))
            self._plain_elsewhere[attribute, kind] = known
        return known


def _container(value: ast.expr) -> str | None:
    if isinstance(value, (ast.List, ast.Tuple, ast.ListComp)):
        return "ModuleList"
    if isinstance(value, ast.Dict):
        keys = [literal(key) if key is not None else None for key in value.keys]
        return "ModuleDict" if keys and all(_may_be_key(key) for key in keys) else None
    if isinstance(value, ast.DictComp):
        key = value.key
        text = isinstance(key, ast.JoinedStr) or (
            isinstance(key, ast.Call) and isinstance(key.func, ast.Name) and key.func.id == "str"
        )
        return "ModuleDict" if text else None
    return None


def _may_be_key(key: object) -> bool:
    return (
        isinstance(key, str)
        and key not in _TAKEN
        and "." not in key
        and bool(key)
        and not key.startswith("_")
    )


def _has_two_names(file: SourceFile, kept: Kept) -> bool:
    """``self.a = layers = [...]``: the other name would mean the container too."""
    parent = file.parent(kept.store)
    return not isinstance(parent, ast.Assign) or len(parent.targets) > 1 or parent.value is not kept.value


def _after_super(file: SourceFile, kept: Kept) -> bool:
    """Whether the module was set up before: else it cannot take modules yet."""
    for call in file.calls_in(kept.function.node):
        func = call.func
        if isinstance(func, ast.Attribute) and func.attr == "__init__" and call.lineno < kept.store.lineno:
            return file.parent(file.statement(call)) is kept.function.node
    return False


def _all_modules(file: SourceFile, value: ast.expr) -> bool:
    """Whether a literal collection holds modules and nothing else."""
    items: list[ast.expr] = []
    if isinstance(value, (ast.List, ast.Tuple)):
        items = value.elts
    elif isinstance(value, ast.Dict):
        items = value.values
    elif isinstance(value, (ast.ListComp, ast.GeneratorExp)):
        items = [value.elt]
    elif isinstance(value, ast.DictComp):
        items = [value.value]
    else:
        return False
    return all(_is_module(file, item) for item in items)


def _is_module(file: SourceFile, element: ast.expr) -> bool:
    if isinstance(element, ast.Name):
        given = assigned(file, element)
        return bool(given) and all(isinstance(g, ast.Call) and _is_module(file, g) for g in given)
    if not isinstance(element, ast.Call):
        return False
    layer = torch_layer(file, element)
    if layer is not None:
        return file.resolve(element.func) == f"torch.nn.{layer}" and layer not in _NO_LAYERS
    here = file.classes.named(element.func)
    return here is not None and here.is_module


def _plain(file: SourceFile, use: ast.Attribute, kind: str) -> bool:
    parent = file.parent(use)
    if isinstance(use.ctx, ast.Load):
        if isinstance(parent, (ast.For, ast.comprehension)):
            return use is parent.iter
        if isinstance(parent, ast.Starred):
            return True
        if isinstance(parent, ast.Compare):
            return use is parent.left and isinstance(parent.ops[0], (ast.Is, ast.IsNot))
        if isinstance(parent, ast.Call):
            return getattr(parent.func, "id", "") in _LOOKING and use in parent.args
        if isinstance(parent, ast.Attribute):
            call = file.parent(parent)
            if not isinstance(call, ast.Call) or call.func is not parent:
                return False
            return _METHODS[kind].get(parent.attr, _never)(file, call)
        if isinstance(parent, ast.Subscript):
            return use is parent.value and isinstance(parent.ctx, ast.Load)
    return False


def _always(file: SourceFile, call: ast.Call) -> bool:
    return True


def _never(file: SourceFile, call: ast.Call) -> bool:
    return False


def _adds_one(file: SourceFile, call: ast.Call) -> bool:
    return bool(call.args) and not call.keywords and _is_module(file, call.args[-1])


def _adds_several(file: SourceFile, call: ast.Call) -> bool:
    return len(call.args) == 1 and _all_modules(file, call.args[0])


# What may be called on the collection, and under what condition.
_METHODS: dict[str, dict[str, Callable[[SourceFile, ast.Call], bool]]] = {
    "ModuleList": {"append": _adds_one, "insert": _adds_one, "extend": _adds_several},
    "ModuleDict": {"items": _always, "keys": _always, "values": _always},
}
