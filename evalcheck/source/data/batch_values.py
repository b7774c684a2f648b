"""What a value is to the batch that it was computed from: its mean, a sum, or something else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from evalcheck.source.data.loaders import Loader, name_of
from evalcheck.source.data.reductions import may_be_summed
from evalcheck.source.file import SourceFile
from evalcheck.source.values import assigned, identifiers, within
from evalcheck.source.words import each

_QUALITY = re.compile(
    r"loss|acc|prec|recall|metric|auc|iou|dice|f1|psnr|ssim|err|score|(?:^|_)mae|mse|perplex|nll|wer|cer|"
    r"criterion|cross_entropy|kl_div",
    re.I,
)
# Qualities that no weights make right: they are defined on all samples together.
UNDIVIDED = re.compile(
    r"auc|auroc|f1|f_?score|prec|recall|(?:^|_)m?ap(?:_|$)|m?iou|rmse|bleu|perplex|corr", re.I
)
_SIZE = re.compile(
    r"\blen\(|\.size\(|\.shape\b|\.numel\(|batch_?size|\bbsz?\b|\bb\b|\bn\b|num_|_num|count|weight", re.I
)
_SAME = each(
    "item cpu detach numpy float double tolist to clone abs sqrt mean_ gather reduce_mean float32 asnumpy"
)


def is_batch_mean(file: SourceFile, value: ast.expr, kept: str) -> bool:
    """Whether a value is plausibly the mean over a batch of something that says how good a model is."""
    sources = list(_computed_by(file, value))
    said = [kept, *identifiers(value), *(name for one in sources for name in identifiers(one))]
    if not _QUALITY.search(" ".join(said)) and not any(map(_agreement, sources)):
        return False
    return _mean(file, value, 4) and not may_be_summed(file, value, sources)


def _computed_by(file: SourceFile, value: ast.expr, steps: int = 4) -> Iterator[ast.expr]:
    """The expressions that a value comes from, through local names and calls that only convert it."""
    inside: list[ast.expr] = []
    if isinstance(value, ast.BinOp):
        inside = [value.left, value.right]
    elif (
        isinstance(value, ast.Call) and name_of(value.func) in _SAME and isinstance(value.func, ast.Attribute)
    ):
        inside = [value.func.value]
    elif isinstance(value, ast.Call) and name_of(value.func) == "float":
        inside = value.args
    elif isinstance(value, ast.Attribute) and value.attr == "data":
        inside = [value.value]
    elif isinstance(value, ast.Name):
        inside = assigned(file, value)
    if not inside and not isinstance(value, ast.Constant):
        yield value
    for one in inside if steps else ():
        yield from _computed_by(file, one, steps - 1)


def _agreement(value: ast.expr) -> bool:
    """``(predicted == target).float().mean()``: the share of samples that are right."""
    return any(
        isinstance(one, ast.Call)
        and isinstance(one.func, ast.Attribute)
        and one.func.attr == "mean"
        and any(isinstance(n, ast.Compare) or name_of(n) == "eq" for n in within(one))
        for one in within(value)
    )


def _mean(file: SourceFile, value: ast.expr, steps: int) -> bool:
    """False for sums, counts and whatever is weighted by the size of the batch."""
    if isinstance(value, ast.BinOp):
        if isinstance(value.op, ast.Mult):
            return not any(_SIZE.search(ast.unparse(side)) for side in (value.left, value.right))
        if isinstance(value.op, ast.Div):
            return bool(_SIZE.search(ast.unparse(value.right)))
        return isinstance(value.op, (ast.Add, ast.Sub)) and all(
            _mean(file, side, steps) for side in (value.left, value.right)
        )
    if isinstance(value, ast.Call):
        if name_of(value.func) in _SAME and isinstance(value.func, ast.Attribute):
            return _mean(file, value.func.value, steps)
        if name_of(value.func) == "float" and value.args:
            return _mean(file, value.args[0], steps)
        return name_of(value.func) not in (
            "sum",
            "len",
            "append",
            "eq",
            "max",
            "min",
            "topk",
            "item",
            "count_nonzero",
        )
    if isinstance(value, ast.Attribute):
        return _mean(file, value.value, steps) if value.attr == "data" else "loss" in value.attr
    if isinstance(value, ast.Name):
        given = assigned(file, value)
        if not given:
            return bool(_QUALITY.search(value.id))
        return steps > 0 and all(_mean(file, one, steps - 1) for one in given)
    if isinstance(value, ast.Subscript):
        return bool(_QUALITY.search(name_of(value))) and "[:" not in ast.unparse(value)
    return False


def evenly_read(loader: Loader | None) -> bool:
    """Whether all batches of a loader have one size for certain."""
    if loader is None:
        return False
    if loader.told("drop_last") is True or "batch_sampler" in loader.options:
        return True
    size = loader.told("batch_size")
    return size == 1 or (loader.fully_known and size is None)
