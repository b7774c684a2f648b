"""The edges of a folded picture: between what is drawn, past what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evalcheck.picture import Box, Edge, Mode, Picture

# For a box: which repetitions it is in, and in which round of each.
Turns = dict[int, int]


def between(picture: Picture, boxes: tuple[Box, ...]) -> tuple[Edge, ...]:
    """The edges of ``picture`` between the innermost boxes of ``boxes``.

    A box that is left out is passed through; one inside a closed box counts as that box. Of a
    repetition the edges into the first round and within a round are kept, and what leaves a later
    round leaves the first.
    """
    ground = _Ground(_stand_ins(picture, boxes), _turns(picture, boxes))
    modes: tuple[Mode, ...] = ("train", "eval")
    found: dict[tuple[int, int], set[Mode]] = {}
    for mode in modes:
        for ends in _resolved(picture, ground, mode):
            found.setdefault(ends, set()).add(mode)
    both = {
        box.key
        for top in boxes
        for box in top.walk()
        if box.only is None and box.role in ("noise", "dropout")
    }
    return tuple(
        Edge(*ends, None if len(ways) == 2 else next(iter(ways)))
        for ends, ways in sorted(_through_idle(found, both).items())
    )


def _through_idle(
    found: dict[tuple[int, int], set[Mode]], noise: set[int]
) -> dict[tuple[int, int], set[Mode]]:
    """Noise that is off hands its input on without a trace: the way past it is the way through it."""
    passed = [(a, b, c) for (a, b) in found if b in noise for (b2, c) in found if b2 == b and (a, c) in found]
    kept = dict(found)
    for before, here, after in passed:
        missing = found[before, after] - found[before, here] - found[here, after]
        if missing and found[before, here] == found[here, after] and found[before, after] == missing:
            kept[before, here] = kept[here, after] = found[before, here] | missing
            kept.pop((before, after), None)
    return kept


@dataclass(frozen=True)
class _Ground:
    stand_ins: dict[int, int]
    turns: dict[int, Turns]

    def joined(self, source: int, target: int) -> bool:
        """Not from one round of a repetition to the next; from outside only into the first round."""
        before = self.turns.get(source, {})
        return all(before.get(group, 0) == turn for group, turn in self.turns.get(target, {}).items())


def _resolved(picture: Picture, ground: _Ground, mode: Mode) -> Iterator[tuple[int, int]]:
    incoming: dict[int, list[int]] = {}
    for edge in picture.edges:
        if edge.only in (None, mode):
            incoming.setdefault(edge.target, []).append(edge.source)
    through: dict[int, dict[int, None]] = {}
    for target in sorted(incoming):
        sources: dict[int, None] = {}
        for source in incoming[target]:
            sources |= {source: None} if source in ground.stand_ins else through.get(source, {})
        drawn = ground.stand_ins.get(target)
        if drawn is None:
            through[target] = sources
            continue
        for source in sources:
            start = ground.stand_ins[source]
            # A module called again may be drawn once: nothing flows backwards.
            if start < drawn and ground.joined(source, target):
                yield start, drawn


def _stand_ins(picture: Picture, boxes: tuple[Box, ...]) -> dict[int, int]:
    """For every box that is drawn, or is inside one that is drawn closed, the key of that one."""
    originals = {box.key: box for box in picture.walk()}
    return {
        inner.key: drawn.key
        for top in boxes
        for drawn in top.walk()
        if not drawn.children
        for key in drawn.stands or (drawn.key,)
        for inner in originals[key].walk()
    }


def _turns(picture: Picture, boxes: tuple[Box, ...]) -> dict[int, Turns]:
    originals = {box.key: box for box in picture.walk()}
    turns: dict[int, Turns] = {}
    repetitions = [rounds for top in boxes for box in top.walk() for rounds in box.rounds]
    for group, rounds in enumerate(repetitions):
        for turn, keys in enumerate(rounds):
            for inner in (i for key in keys for i in originals[key].walk()):
                turns.setdefault(inner.key, {})[group] = turn
    return turns
