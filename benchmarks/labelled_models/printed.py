"""What the driver prints: a line per model, the table of causes, the figures and what they must be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from labelled_models import roc
from labelled_models.case import CAUSES, HEALTHY, LABELS, LEAK
from labelled_models.records import Record

NAMED, LOCATED = 0.95, 0.95
PROTOTYPE = {"named": ".96 to 1", "located": "1.00", "auc": ".999", "recall": ".978", "alarms": "1 of 42"}


def line(found: Record) -> str:
    """One model: right or wrong, label, causes with sizes, the blamed module, findings, seconds."""
    if found.failure:
        return f"FAIL  {found.label:8} {found.name:44} {found.failure}"
    named = [f"{c.name} {c.size:.3g}" for c in found.causes if c.material]
    below = [f"{c.name} {c.size:.2g}" for c in found.causes if not c.material and c.score > 0.25]
    causes = ", ".join(named) or "none"
    causes += f" (below: {', '.join(below)})" if below else ""
    blamed = "" if not found.culprits else f" at {found.culprit!r}{'' if found.culprit_right else ' WRONG'}"
    alarms = ", ".join(f"{rule} {severity[0].upper()}" for rule, severity in found.alarms) or "-"
    placed = not found.culprits or found.culprit_right
    mark = "ok" if found.named_right and placed else "PLACE" if found.named_right else "CAUSE"
    mark = "ALARM" if found.label == HEALTHY and found.alarms else mark
    return f"{mark:5} {found.label:8} {found.name:44} {causes}{blamed} | {alarms} | {found.seconds:.1f} s"


def matrix(records: list[Record]) -> str:
    """Labels down, what was named first across."""
    columns = [*CAUSES, "none"]
    rows = [f"{'label':10}" + "".join(f"{name:>9}" for name in columns) + f"{'models':>9}"]
    for label in LABELS:
        counted = Counter(found.first for found in records if found.label == label)
        if counted:
            cells = "".join(f"{counted[name] or '.':>9}" for name in columns)
            rows.append(f"{label:10}{cells}{sum(counted.values()):9}")
    return "\n".join(rows)


def margins(records: list[Record]) -> str:
    """Per cause: its threshold, the largest size on a healthy model, the smallest on those of its label."""
    rows = [f"{'cause':10}{'threshold':>10}{'healthy max':>13}{'label min':>11}"]
    for name in CAUSES:
        sized = [(found.label, c) for found in records for c in found.causes if c.name == name]
        healthy = [cause.size for label, cause in sized if label == HEALTHY]
        own = [cause.size for label, cause in sized if label == name]
        if sized:
            least = f"{min(own):.3g}" if own else "."
            rows.append(f"{name:10}{sized[0][1].threshold:10.3g}{max(healthy, default=0.0):13.3g}{least:>11}")
    return "\n".join(rows)


def share(right: Iterable[bool]) -> tuple[int, int, float]:
    """How many are right, of how many, as a share; 1 of nothing."""
    found = list(right)
    return sum(found), len(found), sum(found) / len(found) if found else 1.0


def summary(records: list[Record]) -> list[str]:
    """Prints the figures beside the prototype's; the requirements that fail."""
    healthy = [found for found in records if found.label == HEALTHY]
    faulty = [found for found in records if found.label in CAUSES]
    named = share(found.named_right for found in faulty)
    located = share(found.culprit_right for found in faulty if found.culprits)
    ruled = share(found.found for found in records if found.rules)
    leaks = share(found.found for found in records if found.label == LEAK)
    errors = [found.name for found in healthy if any(severity == "error" for _, severity in found.alarms)]
    warned = [found.name for found in healthy if found.alarms and found.name not in errors]
    scores = [found.score for found in healthy], [found.score for found in faulty]
    rows = [
        ("causes named first", "{}/{} = {:.3f}".format(*named), PROTOTYPE["named"], f">= {NAMED}"),
        ("culprit modules right", "{}/{} = {:.3f}".format(*located), PROTOTYPE["located"], f">= {LOCATED}"),
        ("found by the right rule", "{}/{} = {:.3f}".format(*ruled), "", ""),
        ("leaks found", "{}/{} = {:.3f}".format(*leaks), "", "all"),
        ("healthy models with an error", f"{len(errors)} of {len(healthy)}", PROTOTYPE["alarms"], "0"),
        ("healthy models with a warning", f"{len(warned)} of {len(healthy)}", "", ""),
        ("area under the ROC curve", f"{roc.area(*scores):.4f}", PROTOTYPE["auc"], ""),
        ("recall without false alarms", f"{roc.recall_without_alarms(*scores):.3f}", PROTOTYPE["recall"], ""),
    ]
    print(f"\n{'':32}{'here':>18}{'prototype':>12}{'required':>10}")
    for what, here, then, required in rows:
        print(f"{what:32}{here:>18}{then:>12}{required:>10}")
    tops = sorted(healthy, key=lambda found: found.score, reverse=True)[:3]
    lows = sorted(faulty, key=lambda found: found.score)[:3]
    print("\nhighest healthy scores: " + ", ".join(f"{f.name} {f.score:.2f}" for f in tops))
    print("lowest faulty scores:   " + ", ".join(f"{f.name} {f.score:.2f}" for f in lows))
    if len(healthy) > 1 and faulty:
        points = [f"{alarms:.2f}: {recall:.2f}" for _, alarms, recall in roc.curve(*scores)]
        print("ROC (false alarms: recall): " + ", ".join(points))
    broken = [found.name for found in records if found.failure]
    failed = [f"evalcheck failed on {name}" for name in broken]
    failed += [f"named first: {named[2]:.3f} < {NAMED}"] if named[2] < NAMED else []
    failed += [f"culprits: {located[2]:.3f} < {LOCATED}"] if located[2] < LOCATED else []
    failed += ["a leak was not found"] if leaks[0] < leaks[1] else []
    return failed + [f"an error on the healthy model {name}" for name in errors]
