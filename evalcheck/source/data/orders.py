"""In which order, and how completely, a loader reads its samples."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.source.data.loaders import Loader, loaders, name_of, purpose_of
from evalcheck.source.file import SourceFile
from evalcheck.source.reaching import held_out, reaching
from evalcheck.source.values import argument, literal

_MEANT = re.compile(r"drop_?last|incomplete|same (?:size|shape)|static|xla|tpu|subsampl|calibrat|fid\b", re.I)


@dataclass(frozen=True)
class Disorder:
    """What is wrong with an order; ``harmless`` where only the order is random."""

    node: ast.expr
    message: str
    harmless: bool


def evaluation_loaders(file: SourceFile) -> Iterator[tuple[Loader, str]]:
    """The loaders that are for evaluation, with the reason; one in a loop over splits counts."""
    for loader in loaders(file):
        if _drawn_from(file, loader):
            continue
        if loader.purpose == "evaluation":
            named = purpose_of(loader.bound) == "evaluation"
            yield loader, f"it is called {loader.bound}" if named else "its data are held out"
        elif (split := _split_of_loop(file, loader)) is not None:
            yield loader, f"it is built for {split!r} as well"


def _drawn_from(file: SourceFile, loader: Loader) -> bool:
    """Whether batches are only drawn from it, a few or for ever: then a random order is wanted."""
    outer = file.parent(loader.call)
    endless = isinstance(outer, ast.Call) and name_of(outer.func) in ("cycle", "iter", "infinite", "inf_iter")
    return endless or f"next(iter({loader.bound}))" in file.text


def _split_of_loop(file: SourceFile, loader: Loader) -> str | None:
    """The held-out one of the splits in ``{x: DataLoader(sets[x]) for x in ["train", "val"]}``."""
    outer = file.parent(loader.call)
    if not isinstance(outer, ast.DictComp) or outer.value is not loader.call or len(outer.generators) != 1:
        return None
    splits = literal(outer.generators[0].iter)
    return held_out(splits) or None if isinstance(splits, tuple) else None


def disorder(loader: Loader) -> list[Disorder]:
    """What an evaluation loader does to its samples that it should not."""
    found: list[Disorder] = []
    drops = loader.told("drop_last") is True and loader.told("batch_size") != 1
    if drops and not _explained(loader, loader.options["drop_last"]):
        found.append(
            Disorder(
                loader.options["drop_last"],
                "drop_last=True leaves the last incomplete batch out of the evaluation, so the result "
                "covers fewer samples than the data hold: leave drop_last off where nothing is trained.",
                harmless=False,
            )
        )
    if loader.told("shuffle") is True:
        found.append(
            Disorder(
                loader.options["shuffle"],
                "shuffle=True reads the evaluation data in another order each time: predictions cannot be "
                "matched with samples, and batches differ from run to run. Leave shuffle off.",
                harmless=True,
            )
        )
    sampler = _random_sampler(loader)
    return [*found, sampler] if sampler else found


def _random_sampler(loader: Loader) -> Disorder | None:
    node = loader.options.get("sampler")
    value = reaching(loader.file, node) if isinstance(node, (ast.Name, ast.Attribute)) else node
    if node is None or not isinstance(value, ast.Call):
        return None
    name = (loader.file.resolve(value.func) or "").rpartition(".")[2]
    replaced = literal(argument(value, 2, "replacement"))
    if name == "WeightedRandomSampler" and replaced is not False:
        return Disorder(
            node,
            "WeightedRandomSampler draws the evaluation data with replacement: some samples count several "
            "times and others never, and the result changes from run to run. Use it for training only.",
            harmless=False,
        )
    if name == "RandomSampler":
        drawn = literal(argument(value, 1, "replacement")) is True
        return Disorder(
            node,
            "RandomSampler reads the evaluation data in a random order, so runs cannot be compared sample "
            "by sample: leave the sampler out.",
            harmless=not drawn,
        )
    return None


def _explained(loader: Loader, node: ast.expr) -> bool:
    """Whether a comment beside the option says that it is meant."""
    near = [loader.file.line(n) for n in range(max(1, node.lineno - 1), node.lineno + 1)]
    return any(_MEANT.search(line.partition("#")[2]) for line in near if "#" in line)
