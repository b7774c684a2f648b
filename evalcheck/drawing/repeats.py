"""Neighbours of the same structure drawn as one: ``layers.0 … layers.11 × 12``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from evalcheck.picture import Box, Edge

LONGEST = 6
# So many branches through one module are all drawn, as those of a siamese or a triplet network.
FEW = 3
_NUMBER = re.compile(r"\d+")


def folded(boxes: tuple[Box, ...], edges: Iterable[Edge], alike: bool) -> tuple[Box, ...]:
    """The boxes with runs of equal ones folded, inside first. ``alike``: shapes and rates may differ.

    ``edges`` are those between the boxes. Rounds that are joined to different places elsewhere, as
    the levels of a U-Net are, stay apart: drawn as one they would hide what makes the model.
    """
    return _Folding(edges, alike).of(boxes)


class _Folding:
    def __init__(self, edges: Iterable[Edge], alike: bool) -> None:
        self._alike = alike
        self._signs: dict[int, object] = {}
        self._after: dict[int, set[int]] = {}
        self._before: dict[int, set[int]] = {}
        for edge in edges:
            self._after.setdefault(edge.source, set()).add(edge.target)
            self._before.setdefault(edge.target, set()).add(edge.source)

    def of(self, boxes: tuple[Box, ...]) -> tuple[Box, ...]:
        inner = tuple(replace(box, children=self.of(box.children)) for box in boxes)
        result: list[Box] = []
        at = 0
        while at < len(inner):
            rounds = self._run(inner, at)
            abreast = len(rounds) > 1 and _once_more(rounds) and not self._chained(rounds)
            result.append(replace(_joined(rounds), abreast=abreast) if len(rounds) > 1 else inner[at])
            at += sum(map(len, rounds))
        return tuple(result)

    def _run(self, boxes: tuple[Box, ...], at: int) -> list[tuple[Box, ...]]:
        """The rounds of the run that begins here and covers most; one box alone for none."""
        best = [boxes[at : at + 1]]
        for period in range(1, LONGEST + 1):
            if not any(box.kind == "module" for box in boxes[at : at + period]):
                continue
            rounds = [boxes[at : at + period]]
            while self._repeats(rounds[0], following := _round(boxes, at, period, len(rounds))):
                rounds.append(following)
            if len(rounds) > 1 and len(rounds) * period > sum(map(len, best)) and self._alone(rounds):
                best = rounds
        return best

    def _repeats(self, one: tuple[Box, ...], other: tuple[Box, ...]) -> bool:
        # Names first: they are quickly compared, and mostly differ.
        alike = len(one) == len(other) and all(map(_named_alike, one, other))
        return alike and all(map(self._same, one, other))

    def _same(self, one: Box, other: Box) -> bool:
        signs = [self._signs.get(box.key) or _sign(box, self._alike) for box in (one, other)]
        self._signs[one.key], self._signs[other.key] = signs
        return signs[0] == signs[1]

    def _alone(self, rounds: list[tuple[Box, ...]]) -> bool:
        """Whether earlier rounds lead only where the last does, and later ones get what the first gets."""
        keys = _keys(rounds)
        every = set().union(*keys)
        out = [{t for k in own for t in self._after.get(k, ())} - every for own in keys]
        into = [{s for k in own for s in self._before.get(k, ())} - every for own in keys]
        alone = all(one <= out[-1] for one in out) and all(one <= into[0] for one in into)
        return alone and (len(rounds) > FEW or not _once_more(rounds) or self._chained(rounds))

    def _chained(self, rounds: list[tuple[Box, ...]]) -> bool:
        """Whether each round takes what the one before it gives."""
        return all(
            any(self._after.get(key, set()) & later for key in earlier)
            for earlier, later in pairwise(_keys(rounds))
        )


def _keys(rounds: list[tuple[Box, ...]]) -> list[set[int]]:
    """For each round the keys of all boxes that it stands for."""
    return [{k for box in group for i in box.walk() for k in i.stands or (i.key,)} for group in rounds]


def _once_more(rounds: list[tuple[Box, ...]]) -> bool:
    """Whether the rounds call the same module: few calls beside each other are branches, not a stack."""
    return any(
        one.kind == "module" and one.path == two.path for one, two in zip(rounds[0], rounds[1], strict=True)
    )


def _round(boxes: tuple[Box, ...], at: int, period: int, number: int) -> tuple[Box, ...]:
    start = at + number * period
    return boxes[start : start + period]


def _named_alike(one: Box, two: Box) -> bool:
    """Elements of one container, blocks that are counted in their names, or another call of the same module.

    ``query`` and ``key`` are alike too, but a reader wants both; so are ``conv1`` and ``conv2``.
    """
    if one.kind != two.kind or (one.label != two.label and one.kind != "module"):
        return False
    if one.kind != "module" or one.path == two.path:
        return True
    if _NUMBER.sub("#", one.path) != _NUMBER.sub("#", two.path):
        return False
    last = one.path.rpartition(".")[2]
    return last.isdigit() or (bool(one.children or one.inside) and last[-1:].isdigit())


def _sign(box: Box, alike: bool, above: str = "") -> object:
    """What must be equal for two boxes to be drawn as one."""
    name = box.path.removeprefix(above) if above else ""
    states = (box.train, box.eval) if not alike else (_kind(box.train), _kind(box.eval))
    shapes = () if alike else (box.inputs, box.outputs)
    own = (box.kind, box.class_name, box.kind == "operation" and box.label, box.role, box.only, box.times)
    hidden = tuple(_sign(inner, True, box.path) for inner in box.inside)
    return (*own, name, states, shapes, tuple(_sign(c, alike, box.path) for c in box.children), hidden)


def _kind(state: str | None) -> str | None:
    return "p" if state and state.startswith("p=") else state


def _joined(rounds: list[tuple[Box, ...]]) -> Box:
    """One box for all rounds: the first round, with what differs in the others said."""
    firsts = [group[0] for group in rounds]
    turns = tuple(tuple(key for box in group for key in box.stands or (box.key,)) for group in rounds)
    if len(rounds[0]) == 1:
        joined = _merged(firsts)
        names = (firsts[0].label, firsts[-1].label)
        return replace(
            joined, times=len(rounds), names=names, outputs=firsts[-1].outputs, rounds=(*joined.rounds, turns)
        )
    members = tuple(_merged(list(column)) for column in zip(*rounds, strict=True))
    head, tail = rounds[0], rounds[-1]
    names = _range(head, tail)
    return Box(
        -10 - head[0].key,
        "",
        "",
        kind="steps",
        outputs=tail[-1].outputs,
        children=members,
        times=len(rounds),
        names=names,
        only=head[0].only if len({member.only for member in members}) == 1 else None,
        stands=tuple(key for turn in turns for key in turn),
        rounds=(turns,),
    )


def _range(head: Sequence[Box], tail: Sequence[Box]) -> tuple[str, str]:
    """From the first name to the last in one container; else to the first of the last round."""
    first = next(box for box in head if box.kind == "module").label
    again = next(box for box in tail if box.kind == "module").label
    last = next(box for box in reversed(tail) if box.kind == "module").label
    elements = first.rpartition(".")[2].isdigit() and last.rpartition(".")[2].isdigit()
    return first, last if elements and first.rpartition(".")[0] == last.rpartition(".")[0] else again


def _merged(boxes: list[Box]) -> Box:
    """The first of them; ``varies`` where shapes or rates are not the same in all."""
    first = boxes[0]
    varies = any((b.inputs, b.outputs, b.train, b.eval) != _facts(first) for b in boxes[1:])
    columns = zip(*(b.children for b in boxes), strict=True)
    return replace(
        first,
        varies=varies or first.varies,
        children=tuple(_merged(list(column)) for column in columns),
        stands=tuple(key for box in boxes for key in box.stands or (box.key,)),
        rounds=tuple(rounds for box in boxes for rounds in box.rounds),
    )


def _facts(box: Box) -> tuple[object, ...]:
    return box.inputs, box.outputs, box.train, box.eval
