"""Holds a page to its word: its form, and every example block run through the rule's checks.

For the pages in ``rules/`` and for those of rule packs alike; empty lists mean that all holds.
"""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

from evalcheck import checks, rulebook
from evalcheck.finding import Finding, Sighting, Unanswerable
from evalcheck.rewriting import rewrite
from evalcheck.rulebook import Example, Rule
from evalcheck.terms import Layer

LINES = 160
REQUIRED = ("Why", "Flagged", "Fine", "Seen in")
JUDGED = ("Flagged", "Fine", "Missed")
MARK = re.compile(r"#\s*flagged\b(?::\s*(?P<names>[^#\n]+))?")
REFUSED = re.compile(r"#\s*unanswerable\b")
UNSAFE = re.compile(r"#\s*unsafe\b.*\n")


class Broken(Exception):
    """A block that does not run, or does not bind what its layer needs."""


def verify(rule: Rule) -> list[str]:
    """What on the rule's page does not hold, in words."""
    blocks = (line for example in rulebook.examples(rule) for line in _block(rule, example))
    return [*_form(rule), *blocks, *_fixed(rule)]


def _form(rule: Rule) -> Iterator[str]:
    length = rule.page.rstrip("\n").count("\n") + 1
    if length > LINES:
        yield f"{rule.name}: the page has {length} lines, and may have {LINES}"
    headings = [line.removeprefix("## ").strip() for line in rule.page.split("\n") if line.startswith("## ")]
    yield from (f"{rule.name}: the section {name!r} is missing" for name in REQUIRED if name not in headings)
    blocks = {(example.section, example.layer) for example in rulebook.examples(rule)}
    for layer in rule.layers:
        for section in ("Flagged", "Fine"):
            if (section, layer) not in blocks:
                yield f"{rule.name}: no block of the section {section} is for the layer {layer}"
        try:
            checks.find(layer, rule.name)
        except (ModuleNotFoundError, AttributeError) as error:
            yield f"{rule.name}: there is no check for the layer {layer} ({error})"
    for layer in sorted({layer for _, layer in blocks} - set(rule.layers)):
        yield f"{rule.name}: a block is for the layer {layer}, which the rule does not have"


def _block(rule: Rule, example: Example) -> Iterator[str]:
    if example.section not in JUDGED or example.layer not in rule.layers:
        return
    where = f"{rule.name}, line {example.line} ({example.section}, {example.layer})"
    try:
        seen = _sightings(rule, example)
    except Unanswerable as reason:
        allowed = example.section == "Missed" or (example.section == "Fine" and REFUSED.search(example.code))
        if not allowed:
            yield f"{where}: it could not be asked: {reason}"
        return
    except Broken as reason:
        yield f"{where}: {reason}"
        return
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(frame.filename).name}:{frame.lineno}"
        yield f"{where}: it breaks the check at {place}: {type(error).__name__}: {error}"
        return
    if example.section == "Flagged":
        yield from (f"{where}: {line}" for line in _compared(example, seen))
    elif seen:
        advice = "; move the block to Flagged" if example.section == "Missed" else ""
        yield f"{where}: {_where(seen, example.layer)} is reported, and nothing should be{advice}"
    elif REFUSED.search(example.code):
        yield f"{where}: it is marked as unanswerable, and it was answered"


def _fixed(rule: Rule) -> Iterator[str]:
    """The blocks of the section Fixed: the n-th shows what fixes make of the n-th Flagged block with any."""
    blocks = [example for example in rulebook.examples(rule) if example.layer == "source"]
    shown = [example for example in blocks if example.section == "Fixed"]
    flagged = [example for example in blocks if example.section == "Flagged"]
    fixable = [example for example in flagged if _has_fix(rule, example)]
    if fixable and not shown:
        line, becomes = fixable[0].line, _mended(rule, fixable[0], unsafe=False)
        becomes = becomes or f"# unsafe\n{_mended(rule, fixable[0], unsafe=True)}"
        yield (
            f"{rule.name}: the check offers fixes, and no section 'Fixed' shows what they make; "
            f"of the block of line {line} it is:\n{becomes}"
        )
    for example in shown[len(fixable) :]:
        yield f"{rule.name}, line {example.line} (Fixed): no block of the section Flagged is left for it"
    for example, before in zip(shown, fixable, strict=False):
        where = f"{rule.name}, line {example.line} (Fixed)"
        unsafe = UNSAFE.match(example.code) is not None
        becomes = _mended(rule, before, unsafe)
        if not becomes:
            yield f"{where}: nothing is fixed in the block of line {before.line}: is its fix unsafe?"
        elif becomes != _plain(UNSAFE.sub("", example.code)):
            yield f"{where}: the block of line {before.line} becomes this instead:\n{becomes}"


def _has_fix(rule: Rule, example: Example) -> bool:
    try:
        return any(sighting.fix for sighting in _sightings(rule, example))
    except Exception:
        return False  # said already of the block itself


def _mended(rule: Rule, example: Example, unsafe: bool) -> str:
    """What the fixes make of a block; empty where there is nothing to fix."""
    done = rewrite("example.py", example.code.encode(), partial(_found, rule), unsafe=unsafe)
    return _plain(done.after.decode()) if done.changed else ""


def _found(rule: Rule, data: bytes) -> list[Finding]:
    seen = _sightings(rule, Example("Fixed", "source", data.decode(), 0))
    return [Finding(rule.name, rule.family, rule.severity, (sighting,)) for sighting in seen]


def _plain(code: str) -> str:
    """A block without its marks and without the margin at its end."""
    return re.sub(rf"[ \t]*{MARK.pattern}", "", code).strip("\n")


def _compared(example: Example, seen: list[Sighting]) -> Iterator[str]:
    """What is reported against what is marked: lines of source, or names of modules."""
    if example.layer == "source":
        marked = {n for n, line in enumerate(example.code.split("\n"), 1) if MARK.search(line)}
        lines = {s.place.span.line for s in seen if s.place.span}
        yield from (f"line {line} of the block is marked and not reported" for line in sorted(marked - lines))
        yield from (f"line {line} of the block is reported and not marked" for line in sorted(lines - marked))
        if not marked:
            yield "nothing is marked as flagged"
        return
    marks = list(MARK.finditer(example.code))
    wanted = {name.strip() for mark in marks for name in (mark["names"] or "").split(",") if name.strip()}
    found = {place.module for s in seen for place in s.places if place.module is not None}
    if not marks:
        yield "nothing is marked as flagged"
    elif not seen:
        yield "nothing is reported"
    elif wanted:
        yield from (f"{name} is marked and not reported" for name in sorted(wanted - found))
        yield from (
            f"{name or 'the whole model'} is reported and not marked" for name in sorted(found - wanted)
        )


def _where(seen: list[Sighting], layer: Layer) -> str:
    places = [s.place for s in seen]
    if layer == "source":
        return ", ".join(f"line {place.span.line}" for place in places if place.span)
    return ", ".join(place.module or "the whole model" for place in places)


def _sightings(rule: Rule, example: Example) -> list[Sighting]:
    """What the check reports: a sighting that was cleared is a note that nothing is wrong."""
    check = checks.find(example.layer, rule.name)
    if example.layer == "source":
        from evalcheck.source import SourceFile
        from evalcheck.source.triggers import Triggers

        if not Triggers({rule.name: rule.reads}).concerned(example.code.encode()):
            return []  # as in a run: a file that holds nothing of what the page names is not read
        return list(check(SourceFile.from_text(example.code, "example.py"), dict(rule.options)))
    from evalcheck.guard import restored_randomness

    with restored_randomness(), _ran(rule, example) as names:
        seen = check(_subject(example.layer, names), {**rule.options, **names.get("options", {})})
        return [sighting for sighting in seen if sighting.strength != "cleared"]


@contextmanager
def _ran(rule: Rule, example: Example) -> Iterator[dict[str, Any]]:
    """The names that a block binds, run as a module whose lines can be read, from one seed."""
    import torch

    name = f"{rule.name}.md:{example.line}"
    module = ModuleType(name)
    module.__file__ = name
    lines = example.code.splitlines(keepends=True)
    linecache.cache[name] = (len(example.code), None, lines, name)
    sys.modules[name] = module
    torch.manual_seed(0)
    try:
        try:
            exec(compile(example.code, name, "exec"), module.__dict__)
        except Exception as error:
            raise Broken(f"the block does not run: {type(error).__name__}: {error}") from error
        yield module.__dict__
    finally:
        del sys.modules[name]
        linecache.cache.pop(name, None)


def _subject(layer: Layer, names: dict[str, Any]) -> object:
    """What the layer looks at, made from the names of a block as a run would make it."""
    if layer == "loader":
        return _loader(names)
    model = _bound(names, "model")
    if layer == "graph":
        from evalcheck import graph
        from evalcheck.batch import bind

        return graph.read(model, bind(_bound(names, "batch"), model).run)
    from evalcheck import checkup

    return checkup.trial(
        model, _bound(names, "loader"), names.get("train_loader"), metric=names.get("metric")
    )


def _loader(names: dict[str, Any]) -> object:
    """The view of ``loader`` in its ``role``; with ``train_loader`` it knows the other one, with ``model``
    and ``batch`` the norms that they reach."""
    from evalcheck.batch import bind
    from evalcheck.checkup.loaders import reached, views
    from evalcheck.loader import LoaderView

    norms = None
    if "model" in names:
        size = bind(_bound(names, "batch"), names["model"]).size
        norms = reached(_subject("graph", names), size)  # type: ignore[arg-type]
    if "train_loader" in names:
        view = views(_bound(names, "loader"), names["train_loader"])[0]
        view.norms = norms
        return view
    return LoaderView(_bound(names, "loader"), names.get("role", "eval"), norms=norms)


def _bound(names: dict[str, Any], name: str) -> Any:
    if name not in names:
        raise Broken(f"the block does not bind {name}")
    return names[name]
