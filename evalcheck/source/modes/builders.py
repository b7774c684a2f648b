"""Calls that build a model, and what is known of the one they build."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from evalcheck.source.classes import ClassInfo
from evalcheck.source.file import SourceFile
from evalcheck.source.layers import CONTAINERS, class_depends_on_mode, depends_on_mode, torch_layer
from evalcheck.source.modes.state import Obj, Site
from evalcheck.source.values import literal, within

Verdict = Callable[[], bool | None]

# Models of libraries that hold batch norm or an active dropout, whatever they are told.
_TORCHVISION = re.compile(
    r"^torchvision\.models\.(?:resnet|resnext|wide_resnet|vgg|alexnet|densenet|mobilenet|mnasnet|shufflenet|"
    r"squeezenet|googlenet|inception|efficientnet|regnet|swin|convnext)\w*$"
)
_TIMM = re.compile(
    r"resnet|resnext|efficientnet|mobilenet|densenet|regnet|rexnet|vgg|hrnet|inception|dla|ghostnet"
)
_SMP = re.compile(
    r"^segmentation_models_pytorch\.(?:Unet|UnetPlusPlus|FPN|PSPNet|DeepLabV3\w*|Linknet|MAnet|PAN)$"
)


def builds_known_model(file: SourceFile, call: ast.Call, name: str) -> Verdict | None:
    """Whether a call of a library builds a model; the answer says, when asked, if it depends on the mode."""
    if name in CONTAINERS:
        return lambda: _of_sequence(file, call)
    if torch_layer(file, call) is not None:
        return lambda: depends_on_mode(file, call)
    if name.startswith("torchvision.models.") and ".quantization" not in name:
        tail = name.rpartition(".")[2]
        return (lambda: True if _TORCHVISION.match(name) else None) if tail.islower() else None
    if name in ("timm.create_model", "timm.models.create_model"):
        chosen = literal(call.args[0]) if call.args else None
        return lambda: True if isinstance(chosen, str) and _TIMM.search(chosen) else None
    return (lambda: True) if _SMP.match(name) else None


def built_by(kind: ClassInfo, site: Site) -> Obj:
    """A model of a class of the project, in the train mode that every module is born in."""
    return Obj(
        kind, built=site, ask_mode=lambda: None if sees_to_its_mode(kind) else class_depends_on_mode(kind)
    )


def is_born_training(obj: Obj) -> bool:
    """Whether an object that was built and never told is a module in train mode for certain."""
    kind = obj.kind
    if kind is None:
        return obj.by_mode is True and (obj.copied is None or is_born_training(obj.copied))
    return kind.is_module and not kind.of_framework and not sees_to_its_mode(kind)


def sees_to_its_mode(kind: ClassInfo) -> bool:
    """Whether a class has its own train() or eval(), or calls one when it is built."""
    if kind.method("train") or kind.method("eval"):
        return True
    for one in kind.lineage():
        init = one.methods.get("__init__")
        calls = one.file.calls_in(init) if init else []
        if any(isinstance(c.func, ast.Attribute) and c.func.attr in ("eval", "train") for c in calls):
            return True
    return False


def _of_sequence(file: SourceFile, call: ast.Call) -> bool | None:
    """Whether any layer written in a container depends on the mode."""
    verdict: bool | None = False
    for item in call.args:
        inner = [n for n in within(item) if isinstance(n, ast.Call)]
        if not inner:
            verdict = None
        for one in inner:
            kind = file.classes.named(one.func)
            found = class_depends_on_mode(kind) if kind else depends_on_mode(file, one)
            if found:
                return True
            verdict = None if found is None else verdict
    return verdict


def fields_of(kind: ClassInfo) -> dict[str, ast.expr | None]:
    """The fields of a dataclass in the order of its arguments, with their defaults."""
    found: dict[str, ast.expr | None] = {}
    for one in reversed(list(kind.lineage())):
        names = (d.func if isinstance(d, ast.Call) else d for d in one.node.decorator_list)
        if any(one.file.resolve(name) == "dataclasses.dataclass" for name in names):
            for item in one.node.body:
                if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
                    found[item.target.id] = item.value
    return found
