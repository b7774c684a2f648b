"""Judges what the machine saw: which uses of a model are in the wrong mode for certain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from evalcheck.source import words
from evalcheck.source.copies.exported_programs import goes_out
from evalcheck.source.layers import speaks_of_dropout_or_norm
from evalcheck.source.modes.builders import is_born_training
from evalcheck.source.modes.contexts import evaluation, excluded, noise_is_wanted, trains, tries_shapes
from evalcheck.source.modes.frames import Loop, Noted, Ran, Seen
from evalcheck.source.modes.machine import Machine
from evalcheck.source.modes.state import Mode, Obj, Site
from evalcheck.source.values import literal

_AVERAGE = re.compile(r"(?:^|_)(?:ema|swa|teacher|avg|averaged?|momentum|shadow)(?:_|$)", re.I)
_NEEDS_GRADIENTS = re.compile(
    r"attack|adversar|grad|saliency|explain|attribut|influence|optimi[sz]|invert|inversion|dream|perturb|"
    r"langevin|guid|loss|train|fit|adapt|hessian|jacob|sampl",
    re.I,
)


@dataclass(frozen=True)
class Use:
    """A use of a model: where it is said, where it stands, why it is evaluation, how the mode came about."""

    place: Site
    site: Site
    obj: Obj
    reason: str = ""
    told: Site | None = None
    built: Site | None = None
    calls: tuple[Site, ...] = ()
    certain: bool = True
    other: tuple[Obj, Site] | None = None


@dataclass(frozen=True)
class Lasting:
    """An eval() in a loop of training after which the model goes on training in eval mode."""

    place: Site
    switched: Site
    run: Site
    loop: Loop
    calls: tuple[Site, ...]


def _place(machine: Machine, site: Site, calls: tuple[Site, ...]) -> Site | None:
    """Where it is said: in the file that is read, at the use or at the call that leads to it."""
    return next((s for s in (site, *reversed(calls)) if s.file is machine.file), None)


def _use(machine: Machine, seen: Seen, noted: Noted, reason: str = "") -> Use | None:
    """A use of a model that is in train mode on every way, if that makes a difference."""
    kinds = {kind for kind, _ in noted.modes}
    if not kinds or kinds - {"train", "built"} or seen.obj.by_mode is False:
        return None
    if "built" in kinds and not (seen.obj.by_mode is True and is_born_training(seen.obj)):
        return None
    kind = seen.obj.kind
    if kind is not None and (kind.of_framework or kind.method("train") or kind.method("eval")):
        return None
    place = _place(machine, seen.site, seen.calls)
    told = _last(noted.modes, "train")
    born = told or seen.obj.built
    paths = machine.expressions.modes.paths
    if place is None or (place != seen.site and born is not None and place in paths.get(born, ())):
        return None  # it is all in the other file, and said there
    if any(noise_is_wanted(site) for site in (seen.site, told) if site is not None):
        return None
    if any(_asks_for_training(call) for call in seen.calls):
        return None
    certain = told is not None or seen.obj.by_mode is True
    return Use(place, seen.site, seen.obj, reason, told, seen.obj.built, seen.calls, certain)


def _asks_for_training(call: Site) -> bool:
    """``self.infer(x, train=True)``: the one who calls says that train mode is meant."""
    return isinstance(call.node, ast.Call) and any(
        k.arg in ("train", "training", "is_train", "is_training") and literal(k.value) is True
        for k in call.node.keywords
    )


def _last(modes: frozenset[Mode], wanted: str) -> Site | None:
    sites = [site for kind, site in modes if kind == wanted and site is not None]
    return max(sites, key=lambda s: getattr(s.node, "lineno", 0), default=None)


def evaluated_in_train_mode(machine: Machine, seen: Seen, noted: Noted) -> Use | None:
    """An evaluation run in train mode; ``other`` is a model that was put in eval mode in its stead."""
    if {kind for kind, _ in noted.modes} - {"train", "built"}:
        return None
    reason = evaluation(seen, noted)
    use = _use(machine, seen, noted, reason) if reason else None
    if use is None or not noted.evaluated:
        return use
    here = seen.functions[-1] if seen.functions else None
    also_run = {
        s.obj
        for s, n in machine.seen.items()
        if s.use == "run"
        and s.functions[-1:] == ((here,) if here else ())
        and {k for k, _ in n.modes} == {"eval"}
    }
    others = [
        (obj, site) for obj, site in noted.evaluated if obj not in also_run and _before(site, seen.site)
    ]
    twins = [pair for pair in others if _twins(pair, seen)]
    return replace(use, other=twins[-1]) if twins else use


def _before(one: Site, two: Site) -> bool:
    return getattr(one.node, "lineno", 0) < getattr(two.node, "lineno", 0)


def _twins(pair: tuple[Obj, Site], seen: Seen) -> bool:
    """Whether one model is a copy or an average of the other, by how it was made or by what it is called."""
    other, switched = pair
    if other.copied is seen.obj or seen.obj.copied is other:
        return True
    return bool(_AVERAGE.search(_said(seen.site))) != bool(_AVERAGE.search(_said(switched)))


def used_in_train_mode(machine: Machine, seen: Seen, noted: Noted) -> Use | None:
    """An export or a fusion of a model in train mode."""
    call = seen.site.node
    assert isinstance(call, ast.Call)
    if any(k.arg in ("training", "is_qat") for k in call.keywords):
        return None
    if seen.site.file.resolve(call.func) == "torch.jit.script":
        # a scripted module keeps its flag and follows train() and eval() of the module that it is a part of
        kind = seen.obj.kind
        if not goes_out(seen.site.file, call) or (kind is not None and not speaks_of_dropout_or_norm(kind)):
            return None
    texts = [t for info in seen.functions for t in (info.name, info.docstring)]
    if any(re.search(r"train|qat|quantization.aware", t, re.I) for t in texts if len(t) < 60):
        return None
    return _use(machine, seen, noted)


def evaluated_with_gradients(machine: Machine, seen: Seen, noted: Noted) -> Use | None:
    """An evaluation run in eval mode that records gradients nobody asks for."""
    kinds = {kind for kind, _ in noted.modes}
    if kinds != {"eval"} or not noted.loud or noted.quiet or seen.site.file is not machine.file:
        return None
    told = _last(noted.modes, "eval")
    if (
        told is None
        or told.file is not machine.file
        or machine.file.mentions("set_grad_enabled", "autograd.grad", "grad(outputs=")
        or "torch.autograd.grad" in machine.file.names.imported.values()
    ):
        return None
    here = seen.functions[-1] if seen.functions else None
    body = here.node if here else machine.file.tree
    texts = [t for f in seen.functions for t in (f.name, f.owner.name if f.owner else "")]
    if any(_NEEDS_GRADIENTS.search(t) for t in texts) or (here is not None and trains(body)):
        return None
    reason = evaluation(seen, noted)
    looped = any(isinstance(o, (ast.For, ast.While)) for o in machine.file.ancestors(seen.site.node))
    if not reason or not looped or excluded(seen) or (here is not None and tries_shapes(here)):
        return None
    return Use(seen.site, seen.site, seen.obj, reason, told, None, seen.calls)


def teachers(machine: Machine) -> Iterator[Use]:
    """Models that a loop of training runs, always without gradients, in the train mode they were built in."""
    runs: dict[Obj, list[tuple[Seen, Noted]]] = {}
    for seen, noted in machine.seen.items():
        if seen.use == "run":
            runs.setdefault(seen.obj, []).append((seen, noted))
    for obj, found in runs.items():
        if any(noted.loud or {kind for kind, _ in noted.modes} != {"built"} for _, noted in found):
            continue
        for seen, noted in found:
            loop = next((loop for loop in reversed(noted.loops) if loop.steps), None)
            if loop is None or _follows(obj, noted.loops) or evaluation(seen, noted) or excluded(seen):
                continue
            trained = any(other is not obj for other, _ in loop.ran)
            name = _said(seen.site)
            if (
                trained
                and not words.RE_ESTIMATION.search(name)
                and not re.search(r"ema|momentum|target|key", name)
            ):
                use = _use(machine, seen, noted)
                if use is not None:
                    yield use
                    break


def _said(site: Site) -> str:
    """What the model of a call is called: ``ema`` of ``ema(x)`` and of ``ema.eval()``."""
    func = site.node.func if isinstance(site.node, ast.Call) else None
    if isinstance(func, ast.Attribute) and func.attr in ("eval", "train", "forward", "module"):
        func = func.value
    return func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")


def _follows(obj: Obj, loops: tuple[Loop, ...]) -> bool:
    """Whether a model is changed in the loop too, as an average of the one that is trained is."""
    return any(obj in loop.parameters or obj in loop.restored for loop in loops)


def lasting(machine: Machine) -> Iterator[Lasting]:
    """Training that goes on in eval mode after an evaluation in the loop."""
    for loop in machine.finished:
        if not loop.steps:
            continue
        for (obj, site), ran in loop.ran.items():
            found = _eval_from(loop, obj, ran)
            if found is None or obj in loop.restored or obj.by_mode is False or not ran.inside.steps:
                continue
            if loop.trained - {obj}:
                continue  # the one that is trained here is another
            kind = obj.kind
            if kind is not None and (kind.of_framework or kind.method("train") or kind.method("eval")):
                continue
            if any(info.owner and info.owner.of_framework for info in [ran.function] if info):
                continue
            switched, calls = found
            if any(_at_the_end(s, loop) for s in (switched, *calls)):
                continue
            place = _place(machine, switched, calls)
            if place is None or (place != switched and switched.file is site.file is loop.file):
                continue
            yield Lasting(place, switched, site, loop, calls)


def _eval_from(loop: Loop, obj: Obj, ran: Ran) -> tuple[Site, tuple[Site, ...]] | None:
    """The eval() in the loop in which the next round finds the model, if the first did not."""
    evals = loop.evals.get(obj, {})
    inside = [site for kind, site in ran.modes if kind == "eval" and site in evals]
    before = [kind for kind, site in ran.modes if kind != "eval" or site not in evals]
    if not inside or not before or any(kind in ("eval", "loaded") for kind in before):
        return None
    return inside[0], evals[inside[0]]


def _at_the_end(site: Site, loop: Loop) -> bool:
    """Whether something is done in the last round only, or the loop is left behind it."""
    for outer in site.file.ancestors(site.node):
        if outer is loop.node:
            return False
        if isinstance(outer, ast.If) and _last_round(outer.test):
            return True
    return False


def _last_round(test: ast.expr) -> bool:
    for one in ast.walk(test):
        if isinstance(one, ast.Compare) and isinstance(one.ops[0], (ast.Eq, ast.GtE, ast.Gt)):
            sides = [one.left, *one.comparators]
            modulo = any(isinstance(n, ast.Mod) for side in sides for n in ast.walk(side))
            literal = any(
                isinstance(side, ast.Constant) and side.value in (0, True, "", None) for side in sides
            )
            if (
                not modulo
                and not literal
                and not all(isinstance(s, (ast.Name, ast.Constant)) for s in sides[1:])
            ):
                return True
            names = " ".join(ast.unparse(side) for side in sides[1:])
            if not modulo and re.search(r"epoch|max|total|num|last|len|steps", names):
                return True
    return bool(re.search(r"\b(?:is_)?last|final", ast.unparse(test)))
