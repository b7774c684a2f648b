"""Which random generators a script seeds, and which it draws from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.file import SourceFile
from evalcheck.source.kinds import main_block
from evalcheck.source.seeds.draws import GLOBAL_DRAW, TORCH_DRAW

SEEDS = {"torch": "torch.manual_seed", "numpy": "numpy.random.seed", "random": "random.seed"}
_BY_NAME = {
    "torch.manual_seed": "torch",
    "torch.random.manual_seed": "torch",
    "torch.set_rng_state": "torch",
    "torch.seed": "torch",
    "numpy.random.seed": "numpy",
    "numpy.random.set_state": "numpy",
    "random.seed": "random",
    "random.setstate": "random",
}
# What may seed all of them: a call of somebody else's by such a name.
_MAY_SEED = re.compile(
    r"seed|determin|reproduc|setup|set_up|init_|prepare|environment|accelerator|fabric|trainer", re.I
)
_LIBRARIES = re.compile(r"^(?:torch|numpy|random|os|sys|math|time)\b")


@dataclass(frozen=True, eq=False)
class Unseeded:
    """``draw`` uses a generator that ``seeded`` shows to have been forgotten, or comes too early for it."""

    draw: ast.Call
    generator: str
    seeded: ast.Call
    early: bool


def forgotten(file: SourceFile) -> Iterator[Unseeded]:
    """The generators that a script draws from and does not seed, or seeds too late."""
    seeded: dict[str, list[ast.Call]] = {}
    for call in file.every_call():
        name = file.resolve(call.func) or ""
        if name in _BY_NAME:
            seeded.setdefault(_BY_NAME[name], []).append(call)
        elif _may_seed(file, call, name):
            return
    if not seeded:
        return
    first = next(iter(seeded.values()))[0]
    for generator, draw in _drawn(file).items():
        if generator not in seeded:
            yield Unseeded(draw, generator, first, False)
    yield from _early(file, seeded)


def _may_seed(file: SourceFile, call: ast.Call, name: str) -> bool:
    """A call that leads out of the file and may seed; a generator of one's own may be meant to."""
    if name:
        return not _LIBRARIES.match(name) and bool(_MAY_SEED.search(name.rpartition(".")[2]))
    tail = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return bool(_MAY_SEED.search(tail)) and file.callee(call) is None and "seed" in tail.lower()


def _drawn(file: SourceFile) -> dict[str, ast.Call]:
    """The first draw from each global generator, outside of what the workers of a loader run."""
    found: dict[str, ast.Call] = {}
    for call in file.every_call():
        name = file.resolve(call.func) or ""
        owner = file.class_of(call)
        if owner is not None and ({"__getitem__", "__call__", "forward"} & set(owner.methods)):
            continue
        if "seed" in file.said(file.statement(call)).lower():
            continue  # it draws the seed
        if GLOBAL_DRAW.match(name):
            found.setdefault(name.split(".")[0], call)
        elif TORCH_DRAW.match(name) and not any(k.arg == "generator" for k in call.keywords):
            found.setdefault("torch", call)
    return found


def _early(file: SourceFile, seeded: dict[str, list[ast.Call]]) -> Iterator[Unseeded]:
    """Draws at the top of a script, before the seed that stands at the top as well."""
    top = {id(file.tree), id(main_block(file))}
    for generator, seeds in seeded.items():
        placed = [s for s in seeds if id(file.parent(file.statement(s))) in top]
        if len(placed) != len(seeds) or not placed:
            continue
        first = min(placed, key=lambda s: s.lineno)
        for call in file.calls_in(file.tree):
            name = file.resolve(call.func) or ""
            pattern = TORCH_DRAW if generator == "torch" else GLOBAL_DRAW
            if not pattern.match(name) or name.split(".")[0] != generator or call.lineno > first.lineno:
                continue
            if "seed" not in file.said(file.statement(call)).lower():
                yield Unseeded(call, generator, first, True)
                break
