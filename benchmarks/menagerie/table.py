"""The page docs/zoo.md: what the trial gave, in tables."""

from __future__ import annotations

import statistics
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Note = dict[str, Any]

VERDICTS = Path(__file__).with_name("verdicts.toml")
LIBRARIES = ("timm", "torchvision", "transformers")
LOUD = ("error", "warning")

HEAD = """# The zoo

What evalcheck says of published architectures as they are built: no trained weights, no loader, an input
that it makes up itself. Written by `python benchmarks/zoo.py --report RESULTS` from the results of

    python benchmarks/zoo.py --timm 330 --torchvision --transformers 92 --out RESULTS

timm: the smallest of every module that has one below 140 million parameters, and four more of it below 30
million. torchvision: all classification and segmentation models. transformers: small configurations, built
by class. {date}; {versions}.
"""
MEANING = """
*Traced* means that the forward was recorded to its end in train mode and in eval mode. *Crashed* means that
evalcheck raised something, or that one of its checks did. An error or warning is *true* where the model's
source does what the message says; each one was read.
"""


def page(notes: list[Note]) -> str:
    """The whole page in Markdown."""
    known = [note for library in LIBRARIES for note in notes if note["library"] == library]
    return "\n".join(_lines(known)).rstrip() + "\n"


def _lines(notes: list[Note]) -> Iterator[str]:
    dates = sorted({note["date"] for note in notes if "date" in note})
    versions = sorted({f"{k} {v}" for note in notes for k, v in note.get("versions", {}).items()})
    yield HEAD.format(date=f"Run on {dates[-1]}" if dates else "Not run", versions=", ".join(versions))
    yield from _summary(notes)
    yield MEANING
    judged = _judged(notes)
    yield from _loud(judged)
    yield from _quiet(notes)
    yield from _untraced(notes)
    yield from _cost(notes)


def _summary(notes: list[Note]) -> Iterator[str]:
    heads = (
        "library",
        "tried",
        "built",
        "input found",
        "traced",
        "crashed",
        "errors",
        "warnings",
        "models with notes",
    )
    yield from _table(heads, ([library, *_counts(notes, library)] for library in LIBRARIES))


def _counts(notes: list[Note], library: str) -> list[object]:
    own = [note for note in notes if note["library"] == library]
    built = [note for note in own if note.get("built")]
    found = [finding for note in built for finding in note.get("findings", ())]
    noted = sum(any(f["severity"] == "note" for f in note.get("findings", ())) for note in built)
    severities = Counter(finding["severity"] for finding in found)
    return [
        len(own),
        len(built),
        sum(bool(note.get("ran")) for note in built),
        sum(_traced(note) for note in built),
        sum(_crashed(note) for note in own),
        severities["error"],
        severities["warning"],
        noted,
    ]


def _traced(note: Note) -> bool:
    return all(note.get("traced", {}).get(mode) for mode in ("train", "eval"))


def _crashed(note: Note) -> bool:
    outside = note.get("built") is False
    return bool(note.get("faults")) or ("exception" in note and not outside)


def _judged(notes: list[Note]) -> dict[str, list[tuple[Note, Note, Note]]]:
    """Errors and warnings by rule, each with its model and what was judged of it."""
    verdicts = tomllib.loads(VERDICTS.read_text("utf8")).get("verdict", [])
    found = defaultdict(list)
    for note in notes:
        for finding in note.get("findings", ()):
            if finding["severity"] in LOUD:
                name = f"{note['library']}/{note['name']}"
                fits = (v for v in verdicts if v["rule"] == finding["rule"] and name in v["models"])
                found[finding["rule"]].append((note, finding, next(fits, {})))
    return dict(sorted(found.items()))


def _loud(judged: dict[str, list[tuple[Note, Note, Note]]]) -> Iterator[str]:
    yield "## Errors and warnings\n"
    if not judged:
        yield "None.\n"
        return
    rows = []
    for rule, found in judged.items():
        told = Counter({True: "true", False: "false"}.get(v.get("true"), "not read") for _, _, v in found)  # type: ignore[arg-type]
        rows.append([f"`{rule}`", len(found), *(told[word] for word in ("true", "false", "not read"))])
    yield from _table(("rule", "models", "true", "false", "not read"), rows)
    yield ""
    for rule, found in judged.items():
        yield f"### {rule}\n"
        for note, finding, verdict in found:
            what = {True: "true", False: "FALSE"}.get(verdict.get("true"), "not read")  # type: ignore[arg-type]
            where = f" at `{finding['module']}`" if finding["module"] else ""
            why = verdict.get("why") or finding["message"]
            yield f"- {note['library']} **{note['name']}**, {finding['severity']}{where}: {what}. {why}"
        yield ""


def _quiet(notes: list[Note]) -> Iterator[str]:
    found = defaultdict(list)
    for note in notes:
        for rule in {f["rule"] for f in note.get("findings", ()) if f["severity"] == "note"}:
            found[rule].append(note["name"])
    yield "## Notes\n"
    rows = [[f"`{rule}`", len(names), _several(names)] for rule, names in sorted(found.items())]
    yield from _table(("rule", "models", "such as"), rows)
    yield ""


def _several(names: list[str], most: int = 6) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _untraced(notes: list[Note]) -> Iterator[str]:
    yield "## What could not be done\n"
    left = False
    for note in notes:
        if note.get("built") and _traced(note) and not _crashed(note):
            continue
        left = True
        yield f"- {note['library']} **{note['name']}**: {_reason(note)}"
    yield "" if left else "Nothing: every model was built, given an input and traced in both modes.\n"
    parts = [
        f"{note['name']} ({hole.rpartition(': ')[2]})"
        for note in notes
        for hole in note.get("holes", ())[:1]
        if _traced(note)
    ]
    if parts:
        yield f"\nA part of {len(parts)} models cannot be looked into: {_several(parts, 12)}.\n"


def _reason(note: Note) -> str:
    if "exception" in note or "complaint" in note:
        return str(note.get("exception") or note.get("complaint"))[:200]
    refusals = {f"in {mode} mode: {reason}" for mode, reason in note.get("refusals", {}).items()}
    if note.get("ran"):
        return "; ".join(sorted(refusals))[:300]
    return " ".join(note.get("notes", ["no input"]))[:300]


def _cost(notes: list[Note]) -> Iterator[str]:
    times = [(note["seconds"], note["plain"]) for note in notes if note.get("seconds") and note.get("plain")]
    smaller = [note["name"] for note in notes if note.get("smaller")]
    yield "## Time\n"
    if times:
        ratio = statistics.median(whole / one for whole, one in times)
        yield (
            f"A whole check took {statistics.median(t for t, _ in times):.1f} s in the median on a shared "
            f"machine of two cores, {ratio:.0f} times one plain forward of the same input in eval mode. "
        )
    yield (
        f"{_models(len(smaller))} given two samples by `--input` instead of the eight that evalcheck "
        "makes up, because their check would have taken too long on that machine.\n"
    )
    commands = [note for note in notes if "command" in note]
    alike = sum(_same(note) for note in commands)
    yield f"{_models(len(commands))} also given to the command line; {alike} had the same findings there."


def _models(count: int) -> str:
    return "1 model was" if count == 1 else f"{count} models were"


def _same(note: Note) -> bool:
    told = [[f["rule"], f["severity"], f["module"]] for f in note.get("findings", ())]
    return sorted(map(str, told)) == sorted(map(str, note["command"]))


def _table(heads: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[str]:
    heads = list(heads)
    yield "| " + " | ".join(map(str, heads)) + " |"
    yield "|" + " --- |" * len(heads)
    for row in rows:
        yield "| " + " | ".join(map(str, row)) + " |"
