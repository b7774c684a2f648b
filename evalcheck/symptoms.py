"""A symptom and a cause that was traced or measured are one fault and become one finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from evalcheck.finding import Measure, Sighting, Strength
from evalcheck.rulebook import Rule
from evalcheck.terms import CERTAINTY

Group = list[Sighting]

MEASURED = " Measured: "
MOVES = ": that moves the eval output"


def explained(groups: Mapping[Rule, list[Group]]) -> dict[Rule, list[Group]]:
    """Groups of sightings by rule, with the symptoms moved to their causes.

    A rule's page names, as ``explained_by``, the rules whose faults have it as their symptom. Where
    one of these was traced or measured at the module in which the symptom was seen, or inside it, the
    symptom belongs to that finding. What was measured makes it a grave one, unless it was a mild or
    harmless one; a symptom that nothing explains stays.
    """
    found = {rule: [list(group) for group in kept] for rule, kept in groups.items()}
    by_name = {rule.name: rule for rule in found}
    # A symptom may be the cause of another: it finds its own cause first, so that all meet there.
    for rule in sorted((rule for rule in found if rule.explained_by), key=lambda rule: _depth(rule, by_name)):
        left = []
        for symptom in found[rule]:
            cause = _cause(rule, symptom, found)
            if cause is None:
                left.append(symptom)
            else:
                _join(cause, symptom)
        found[rule] = left
    return found


def _depth(rule: Rule, by_name: Mapping[str, Rule]) -> int:
    return 1 + max((_depth(by_name[n], by_name) for n in rule.explained_by if n in by_name), default=0)


def _cause(rule: Rule, symptom: Group, found: Mapping[Rule, list[Group]]) -> Group | None:
    """The first group that was traced or measured, in the order of the page, in the symptom's module."""
    if any(CERTAINTY[sighting.layer] == "read" for sighting in symptom):
        return None
    by_name = {other.name: kept for other, kept in found.items()}
    for name in rule.explained_by:
        for group in by_name.get(name, ()):
            known = [s for s in group if CERTAINTY[s.layer] != "read"]
            if known and not _harmless(group) and _covers(known, symptom):
                # What was traced comes first: its message is the one that is told.
                group.sort(key=lambda s: CERTAINTY[s.layer] != "traced")
                return group
    return None


def _harmless(group: Group) -> bool:
    """Whether the model was measured and there was no effect: such a fault explains nothing."""
    probed = [s for s in group if s.layer == "probe"]
    measured = [s for s in probed if s.strength != "cleared"]
    limited = [m for s in measured for m in s.evidence if isinstance(m, Measure) and m.limit is not None]
    idle = bool(limited) and all(m.value <= (m.limit or 0.0) for m in limited)
    return bool(probed) and (not measured or idle)


def _covers(cause: Group, symptom: Group) -> bool:
    """Whether the cause lies where the symptom was measured; all of it, where it was only traced.

    What lies in the data is at every module.
    """
    if any(s.layer == "loader" for s in cause):
        return True
    paths = {place.module for sighting in cause for place in sighting.places}
    traced = any(CERTAINTY[sighting.layer] == "traced" for sighting in cause)
    if any(CERTAINTY[sighting.layer] == "measured" for sighting in symptom):
        homes = {s.place.module for s in symptom if CERTAINTY[s.layer] == "measured"}
        return (None in homes and traced) or any(_within(p, home) for p in paths for home in homes)
    return {place.module for sighting in symptom for place in sighting.places} <= paths


def _within(path: str | None, home: str | None) -> bool:
    """Whether a module is the one in whose own forward a symptom arises, or inside it.

    The model itself holds every module: there only its own forward counts, and what it keeps unregistered.
    """
    if path is None or home is None or path == home:
        return path == home
    if not home:
        return "[" in path and "." not in path.partition("[")[0]
    return path.startswith((f"{home}.", f"{home}["))


def _join(cause: Group, symptom: Group) -> None:
    """The first measured sighting of the cause tells of every symptom that was measured."""
    lead = cause[0]
    # What lies in the data was seen for certain: a symptom of it is as grave as it is measured to be.
    certain = any(other.layer == "loader" for other in cause)
    for sighting in symptom:
        if CERTAINTY[sighting.layer] != "measured":
            cause.append(sighting)
            continue
        first = next((i for i, s in enumerate(cause) if CERTAINTY[s.layer] == "measured"), None)
        if first is not None:
            cause[first] = replace(cause[first], message=_with(cause[first].message, sighting.message))
        cause.append(_moved(sighting, lead, sighting.strength if certain else _graver(sighting.strength)))


def _graver(strength: Strength) -> Strength:
    return strength if strength in ("cleared", "slight") else "grave"


def _with(message: str, symptom: str) -> str:
    if MEASURED not in message:
        return _told(message, symptom)
    if MOVES in message.replace(MEASURED, ": ") and MOVES in symptom:
        symptom = f"{symptom.partition(MOVES)[0]}."  # what the fault costs is said already
    return f"{message} {symptom}"


def _told(message: str, symptom: str) -> str:
    return f"{message}{MEASURED}{symptom[0].lower()}{symptom[1:]}"


def _moved(symptom: Sighting, cause: Sighting, strength: Strength) -> Sighting:
    return replace(
        symptom,
        place=cause.place,
        others=cause.others,
        message=_with(cause.message, symptom.message),
        strength=strength,
    )
