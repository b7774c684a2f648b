"""Small trained models with a label: does evalcheck name cause and module, and spare the healthy?

    python benchmarks/labelled.py [--half tuned|frozen|fresh] [--only NAME ...] [--cache FOLDER] [--jobs N]
    python benchmarks/labelled.py --verify

Prints a line per model (CAUSE: another one was named first, PLACE: another module, ALARM: a finding on
a healthy model, FAIL: evalcheck raised), the table of causes, and how well the largest cause, in units of
its threshold, tells faulty models from healthy ones. ``tuned`` models were at hand when thresholds were
set, ``frozen`` ones were written afterwards. ``--verify`` runs no evalcheck: it measures by plain means that
every label is true. Trained models are kept in ``--cache`` and trained anew when the files that make them
change. Needs scikit-learn. Ends with 1 where a requirement or a label fails.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import os
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
FOLDER = HERE / "labelled_models"

from labelled_models import truth  # noqa: E402
from labelled_models.case import Case, Trained, cases  # noqa: E402
from labelled_models.printed import line, margins, matrix, summary  # noqa: E402
from labelled_models.records import Record, record  # noqa: E402

# Files that train nothing: a change of theirs leaves the cache good.
JUDGING = ("truth", "measuring", "records", "roc", "printed")
UNPICKLABLE = (RuntimeError, AttributeError, pickle.PicklingError)


def registered() -> dict[str, Case]:
    """Every case by name: all modules of the folder are loaded, so that new files count by being there."""
    for file in sorted(FOLDER.glob("*.py")):
        importlib.import_module(f"labelled_models.{file.stem}")
    return {case.name: case for case in cases()}


def trained(case: Case, cache: Path | None) -> Trained:
    """The case's model, from the cache where it holds one of the present sources."""
    if cache is None:
        return case.train()
    sources = b"".join(file.read_bytes() for file in sorted(FOLDER.glob("*.py")) if file.stem not in JUDGING)
    key = hashlib.blake2b(sources + torch.__version__.encode(), digest_size=8).hexdigest()
    file = cache / f"{case.name}-{key}.pt"
    if file.exists():
        return torch.load(file, weights_only=False)
    made = case.train()
    cache.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(f".{os.getpid()}")
    try:
        torch.save(made, part)
    except UNPICKLABLE:
        part.unlink()  # Parametrised modules and local functions: trained each time.
        return made
    part.replace(file)
    return made


def examine(name: str, cache: Path | None) -> Record:
    """evalcheck's word on one case; an exception is a failure of evalcheck, and is kept."""
    import evalcheck

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    case = registered()[name]
    made = trained(case, cache)
    start = time.perf_counter()
    try:
        report = evalcheck.check(made.model, made.evaluation, made.training)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
        return Record(name, case.label, case.culprits, case.rules, failure=failure)
    return record(case, report, time.perf_counter() - start)


def verify(name: str, cache: Path | None) -> tuple[str, bool]:
    """A line of what was measured for one label, and whether all of it holds."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    case = registered()[name]
    made = trained(case, cache)
    found = truth.judge(case, made)
    told = [f"{'' if e.holds else 'NOT '}{e.what} {e.value:.4g}" for e in found]
    modules = {path for path, _ in made.model.named_modules()}
    told += [f"NOT a module: {path}" for path in case.culprits if path not in modules]
    right = all(e.holds for e in found) and modules.issuperset(case.culprits)
    return f"{case.label:8} {case.name:44} {'; '.join(told)}", right


def each(work: Callable, names: list[str], cache: Path | None, jobs: int) -> Iterable:
    """``work`` on every name, in order, in ``jobs`` processes where there are more than one."""
    if jobs < 2:
        yield from (work(name, cache) for name in names)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(work, names, [cache] * len(names))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--half", choices=("tuned", "frozen", "fresh"))
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="cases or labels")
    parser.add_argument("--cache", type=Path, help="a folder for trained models")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--verify", action="store_true", help="measure that every label is true")
    chosen = parser.parse_args()
    names = [
        name
        for name, case in registered().items()
        if chosen.half in (None, case.half) and (not chosen.only or {name, case.label} & set(chosen.only))
    ]
    if not names:
        parser.error("no case of that name and half")
    if chosen.verify:
        sound = True
        for told, right in each(verify, names, chosen.cache, chosen.jobs):
            print(told, flush=True)
            sound &= right
        sys.exit(0 if sound else 1)
    records = []
    for found in each(examine, names, chosen.cache, chosen.jobs):
        print(line(found), flush=True)
        records.append(found)
    print(f"\n{matrix(records)}\n\n{margins(records)}")
    failed = summary(records)
    print("\n" + ("\n".join(f"FAILED: {what}" for what in failed) or "all requirements hold"))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
