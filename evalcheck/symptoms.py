"""A symptom that was measured, and a cause that was traced, are one fault and become one finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evalcheck.finding import Sighting
from evalcheck.rulebook import Rule
from evalcheck.terms import CERTAINTY

Group = list[Sighting]


def explained(groups: Mapping[Rule, list[Group]]) -> dict[Rule, list[Group]]:
    """Groups of sightings by rule, with the symptoms moved to their causes.

    A rule's page names, as ``explained_by``, the rules whose faults have it as their symptom. Where
    one of these was traced or measured at the module in which the symptom was measured, or inside it, the
    measurement belongs to that finding, as a grave one unless it was a mild or harmless one; a symptom
    that nothing explains stays.
    """
    found = {rule: [list(group) for group in kept] for rule, kept in groups.items()}
    for rule in [rule for rule in found if rule.explained_by]:
        left = []
        for symptom in found[rule]:
            cause = _cause(rule, symptom, found)
            if cause is None:
                left.append(symptom)
            else:
                cause += [_moved(sighting, cause[0]) for sighting in symptom]
        found[rule] = left
    return found


def _cause(rule: Rule, symptom: Group, found: Mapping[Rule, list[Group]]) -> Group | None:
    """The first group that was traced or measured, in the order of the page, in the symptom's module."""
    if any(CERTAINTY[sighting.layer] != "measured" for sighting in symptom):
        return None
    by_name = {other.name: kept for other, kept in found.items()}
    for name in rule.explained_by:
        for group in by_name.get(name, ()):
            traced = [s for s in group if CERTAINTY[s.layer] == "traced"]
            known = [s for s in group if CERTAINTY[s.layer] in ("traced", "measured")]
            if any(_within(place.module, symptom) for s in known for place in s.places):
                # What was traced comes first: its message is the one that is told.
                group.sort(key=lambda s: s not in traced)
                return group
    return None


def _within(module: str | None, symptom: Group) -> bool:
    path = module or ""
    homes = [sighting.place.module for sighting in symptom]
    return any(not home or path == home or path.startswith((f"{home}.", f"{home}[")) for home in homes)


def _moved(symptom: Sighting, cause: Sighting) -> Sighting:
    return replace(
        symptom,
        place=cause.place,
        others=cause.others,
        message=f"{cause.message} Measured: {symptom.message[0].lower()}{symptom.message[1:]}",
        strength=symptom.strength if symptom.strength in ("cleared", "slight") else "grave",
    )
