"""Whether a run of a model is evaluation, and by what one can tell."""

from __future__ import annotations

import ast
import re

from evalcheck.source import words
from evalcheck.source.file import SourceFile
from evalcheck.source.frameworks import PACKAGES
from evalcheck.source.functions import FunctionInfo
from evalcheck.source.modes.frames import Loop, Noted, Seen
from evalcheck.source.modes.state import Site
from evalcheck.source.values import identifiers, within
from evalcheck.source.words import each

# Functions of frameworks, which call them in the right mode.
_HOOKS = re.compile(r"_step$|_step_end$|_epoch_end$|^on_|_callback$|_hook$|^configure_|_dataloader$|^setup$")
# Names that say evaluation by themselves; prediction and inference need more.
_STRONG = each("eval evaluate evaluation evaluating val valid validate validation validating test testing")
# Comments that say that the noise is wanted.
_WANTED = re.compile(
    r"dropouts? (?:is |stays? |on |active )*(?:during|at|in) (?:test|infer|eval|pred)|monte[ _-]?carlo|"
    r"mc[ _-]?dropout|uncertain|on purpose|deliberate|intention|"
    r"(?:keep|stay|remain)\w* (?:\w+ ){0,4}(?:train|dropout)",
    re.I,
)
# What is said right at a line: that something, losses mostly, is to be had in train mode alone.
_ONLY_IN_TRAIN = re.compile(r"\bonly (?:\S+ ){0,8}train(?:ing)?[ _-]mode", re.I)
_MODE_ARGUMENTS = re.compile(
    r"^(?:is_?)?(?:train|training|mode|eval|test|dropout|mc_?dropout|deterministic|is_?infer|inference)"
)


def evaluation(seen: Seen, noted: Noted) -> str:
    """By what a model call is evaluation, in words, or nothing."""
    site = seen.site
    assert isinstance(site.node, ast.Call)
    if excluded(seen):
        return ""
    here = seen.functions[-1] if seen.functions else None
    if name := _loop_over_held_out(site, here, noted.texts, noted.loops):
        return f"the loop goes over {name}"
    if here is not None and trains(here.node):
        return ""
    for caller, function in zip(seen.calls, (None, *seen.functions[:-1]), strict=False):
        if name := _loop_over_held_out(caller, function, {}):
            return f"the loop goes over {name}"
    for info in seen.functions:
        parts = set(words.parts(info.name))
        if not words.says_evaluation(info.name) or _HOOKS.search(info.name):
            continue
        looped = any(isinstance(o, (ast.For, ast.While)) for o in site.file.ancestors(site.node))
        if noted.quiet or (parts & _STRONG and looped and not _gives_out(info)):
            return f"the function is called {info.name}"
    if noted.quiet:
        call = site.node
        given = [n for item in (*call.args, *(k.value for k in call.keywords)) for n in identifiers(item)]
        name = next((n for n in given if words.says_held_out_data(n)), "")
        return f"its input is {name}" if name else ""
    return ""


def _loop_over_held_out(
    site: Site, function: FunctionInfo | None, texts: dict[str, str], loops: tuple[Loop, ...] = ()
) -> str:
    """The held-out data that a loop without a training step goes through, around a line."""
    steps = {loop.node: bool(loop.steps) for loop in loops}
    for outer in site.file.ancestors(site.node):
        if isinstance(outer, (ast.For, ast.AsyncFor)):
            name = _held_out(outer.iter, texts)
            if name and not (steps[outer] if outer in steps else trains(outer)):
                return name
        if isinstance(outer, (ast.ListComp, ast.GeneratorExp, ast.SetComp, ast.DictComp)):
            for part in outer.generators:
                if name := _held_out(part.iter, texts):
                    return name
        if function is not None and outer is function.node:
            break
    return ""


def _held_out(node: ast.expr, texts: dict[str, str]) -> str:
    """The name in the head of a loop that says that held-out data are gone through."""
    for one in within(node):
        said = []
        if isinstance(one, ast.Name):
            said = [one.id, texts.get(one.id, "")]
        elif isinstance(one, ast.Attribute):
            said = [one.attr]
        elif isinstance(one, ast.Constant):
            said = [one.value] if isinstance(one.value, str) else []
        for text in said:
            if text and len(text) < 40 and words.says_held_out_data(text):
                return text
    return ""


def trains(node: ast.AST) -> bool:
    """Whether a training step stands in a piece of code."""
    return any(
        isinstance(n, ast.Attribute) and n.attr in ("backward", "manual_backward") for n in within(node)
    )


def tries_shapes(info: FunctionInfo) -> bool:
    """Whether a function called test only runs a model on made-up numbers, to see that it runs at all."""
    made_up = each("torch.randn torch.rand torch.zeros torch.ones")
    if info.name.strip("_").split("_")[0] != "test":
        return False
    return any(info.file.resolve(call.func) in made_up for call in info.file.calls_in(info.node))


def _gives_out(info: FunctionInfo) -> bool:
    """A function that gives a loss back inside of its loop may be a closure of training."""
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) for n in within(info.node))


def excluded(seen: Seen) -> bool:
    """Runs whose output nobody uses, that are told the mode, want the noise, or belong to a framework."""
    call, file = seen.site.node, seen.site.file
    assert isinstance(call, ast.Call)
    if isinstance(file.parent(call), ast.Expr):
        return True
    if any(k.arg is not None and _MODE_ARGUMENTS.match(k.arg) for k in call.keywords):
        return True
    for info in seen.functions:
        owner = info.owner
        if info.name.startswith("test_") and any(isinstance(n, ast.Assert) for n in within(info.node)):
            return True  # a unit test that a library holds
        if owner is not None and owner.of_framework:
            return True
        texts = (info.name, info.docstring, owner.name if owner else "")
        if any(words.MEANT.search(t) or words.RE_ESTIMATION.search(t) for t in texts):
            return True
    return False


def noise_is_wanted(site: Site) -> bool:
    """Whether a comment around a line says that the noise of train mode is meant."""
    line = getattr(site.node, "lineno", 1)
    near = [site.file.line(number) for number in range(max(1, line - 9), line + 3)]
    if any(_WANTED.search(text.partition("#")[2]) for text in near if "#" in text):
        return True
    right_here = (site.file.line(number).partition("#")[2] for number in range(max(1, line - 1), line + 1))
    return any(_ONLY_IN_TRAIN.search(text) for text in right_here)


def other_library(file: SourceFile) -> bool:
    """Whether a file speaks of modules of another library, of which the modes are not torch's."""
    return bool(
        file.names.packages & (PACKAGES & each("keras tensorflow paddle flax mxnet mindspore chainer"))
    )
