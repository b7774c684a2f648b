"""Programs that were exported or traced, on which a mode can no longer be set."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from evalcheck.source.file import SourceFile
from evalcheck.source.model_uses import told_eval
from evalcheck.source.models import same_in_both_modes, tail_of
from evalcheck.source.values import argument, assigned, is_parameter
from evalcheck.source.words import each

Outcome = Literal["raises", "does nothing"]
_EXPORTED = each(
    "torch.export.export torch.export.load torch.export.export_for_training torch.export.draft_export"
)
_CAPTURED = each("torch._export.capture_pre_autograd_graph torch._export.export")
_TRACED = each("torch.jit.trace torch.jit.trace_module")
# Quantisation steps that give back a program of the same kind.
_PASSES_ON = each("prepare_pt2e prepare_qat_pt2e convert_pt2e deepcopy")
# Calls after which train() and eval() work on an exported program.
ALLOWS = each("allow_exported_model_train_eval _allow_exported_model_train_eval")


# What is done with a scripted module that is to be used elsewhere.
_GOES_OUT = each(
    "save freeze optimize_for_inference optimize_for_mobile _save_for_lite_interpreter export onnx_export "
    "save_to_buffer write_bytes trace"
)


@dataclass(frozen=True)
class ModeCall:
    """``train()`` or ``eval()`` on a program, where the program comes from, and what the call does.

    ``certain`` is whether it makes a difference for certain: a program that was traced in train mode is
    there already.
    """

    call: ast.Call
    built: ast.Call
    outcome: Outcome
    certain: bool


def mode_calls(file: SourceFile) -> Iterator[ModeCall]:
    """The calls of ``train()`` and ``eval()`` on programs whose mode was fixed before."""
    for call in list(file.every_call()):
        func = call.func
        if not isinstance(func, ast.Attribute) or func.attr not in ("train", "eval"):
            continue
        built = _program(file, func.value)
        if built is None:
            continue
        if file.resolve(built.func) not in _TRACED:
            if not any(isinstance(outer, ast.Try) for outer in file.ancestors(call)):
                yield ModeCall(call, built, "raises", certain=True)
        elif func.attr == "train" and not call.args and not call.keywords:
            model = argument(built, 0, "func", "mod")
            if model is not None and not same_in_both_modes(file, model):
                yield ModeCall(call, built, "does nothing", _in_eval(file, model, built))


def goes_out(file: SourceFile, call: ast.Call) -> bool:
    """Whether what a call gives is saved, frozen or exported in sight."""
    statement = file.statement(call)
    for outer in file.ancestors(call):
        if isinstance(outer, ast.Call) and tail_of(outer.func) in _GOES_OUT:
            return True
        if outer is statement:
            break
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    info = file.function_of(call)
    return any(
        tail_of(later.func) in _GOES_OUT
        and later.lineno >= call.lineno
        and any(isinstance(n, ast.Name) and n.id in names for n in _given(later))
        for later in file.calls_in(info.node if info else file.tree)
    )


def _given(call: ast.Call) -> list[ast.expr]:
    """The object of a method call, and the arguments."""
    owner = [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return [*owner, *call.args, *(k.value for k in call.keywords)]


def _in_eval(file: SourceFile, model: ast.expr, built: ast.Call) -> bool:
    """Whether the model was put in eval mode before it was traced, as far as the function shows."""
    if isinstance(model, ast.Call):
        return tail_of(model.func) == "eval"
    info = file.function_of(built)
    told = told_eval(file, {tail_of(model)}, info.node if info else None)
    return told is not None and told.lineno < built.lineno


def _program(file: SourceFile, node: ast.expr, steps: int = 5) -> ast.Call | None:
    """The call that exported or traced a program, where the expression is certainly that program."""
    if not steps:
        return None
    if isinstance(node, ast.Name):
        found = [_program(file, value, steps - 1) for value in _certain(file, node)]
        return found[0] if found and all(found) else None
    if not isinstance(node, ast.Call):
        return None
    name = file.resolve(node.func) or ""
    if name in _TRACED or name in _CAPTURED:
        return node
    if name.rpartition(".")[2] in _PASSES_ON and node.args:
        return _program(file, node.args[0], steps - 1)
    func = node.func
    if isinstance(func, ast.Attribute) and name == "" and not node.args:
        if func.attr == "module":
            return _exported(file, func.value)
        if func.attr in ("to", "cuda", "cpu"):
            return _program(file, func.value, steps - 1)
    return None


def _certain(file: SourceFile, name: ast.Name) -> list[ast.expr]:
    """What a name was given before it is used; nothing where it held something else at first."""
    if is_parameter(file, name) or name.id in file.names.imported:
        return []
    values = assigned(file, name)
    return values if all(value.lineno < name.lineno for value in values) else []


def _exported(file: SourceFile, node: ast.expr, steps: int = 3) -> ast.Call | None:
    """The call of ``torch.export`` that gave an ExportedProgram."""
    if isinstance(node, ast.Name) and steps:
        found = [_exported(file, value, steps - 1) for value in _certain(file, node)]
        return found[0] if found and all(found) else None
    if not isinstance(node, ast.Call):
        return None
    if file.resolve(node.func) in _EXPORTED:
        return node
    func = node.func
    if isinstance(func, ast.Attribute) and tail_of(func) == "run_decompositions":
        return _exported(file, func.value, steps)
    return None
