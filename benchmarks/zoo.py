"""What evalcheck says of a few hundred published architectures, freshly initialised and without a loader.

    python benchmarks/zoo.py --timm 300 --torchvision --transformers 92 --out results.jsonl
    python benchmarks/zoo.py --report results.jsonl

Needs those of timm, torchvision and transformers that are asked for. The first form goes on where it was
stopped: a model that has a line in the results is not tried again, except those named after `--again`.
Each model is built and checked in a process of its own kind, which is replaced when it dies, takes too long
or has seen 25 models. Every 25th model, and those named, are also given to the real command line, whose
findings must be the same. The second form writes docs/zoo.md; what was judged of the findings stands in
menagerie/verdicts.toml.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
LIFE = 25
EVERY = 25

Note = dict[str, Any]
Key = tuple[str, str]


class Worker:
    """One process that examines models by name."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        self._process: subprocess.Popen[str] | None = None
        self._seen = 0

    def examine(self, library: str, name: str) -> Note:
        """The note of one model, or one that says how the process ended."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        print(library, name, file=process.stdin, flush=True)
        self._seen += 1
        start = time.monotonic()
        with selectors.DefaultSelector() as waiting:
            waiting.register(process.stdout, selectors.EVENT_READ)
            line = process.stdout.readline() if waiting.select(self.limit) else ""
        if line:
            return json.loads(line)
        late = time.monotonic() - start >= self.limit
        self.end()
        died = f"nothing after {self.limit:.0f} s" if late else f"the process died ({process.returncode})"
        return {"library": library, "name": name, "built": None, "exception": died}

    def end(self) -> None:
        """Stop the process."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process, self._seen = None, 0

    def _running(self) -> subprocess.Popen[str]:
        if self._seen >= LIFE:
            self.end()
        if self._process is None:
            command = [sys.executable, "-c", "from menagerie import keeper; keeper.serve()"]
            environment = {**os.environ, "PYTHONPATH": str(HERE), "OMP_NUM_THREADS": "1"}
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
            )
        return self._process


def lines(path: Path) -> list[Note]:
    """The last note of every model, in the order of their first."""
    found: dict[Key, Note] = {}
    if path.exists():
        for line in path.read_text("utf8").splitlines():
            note = json.loads(line)
            found[note["library"], note["name"]] = note
    return list(found.values())


def by_command(library: str, name: str, smaller: str | None) -> list[list[str | None]] | str:
    """Rules, severities and modules that the real command line reports for a file with ``build_model``."""
    text = (
        f"import sys\n\nsys.path.insert(0, {str(HERE)!r})\nfrom menagerie import libraries\n\n\n"
        f"def build_model():\n    return libraries.build({library!r}, {name!r})\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.py")
        file.write_text(text, "utf8")
        command = [sys.executable, "-m", "evalcheck", f"{file}:build_model", "--format", "json", "-q"]
        command += ["--input", smaller.split()[0]] if smaller else []
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode not in (0, 1):
        return f"exit status {done.returncode}: {done.stderr[-400:]}"
    found = json.loads(done.stdout)["findings"]
    return [[f["rule"], f["severity"], f["location"].get("module")] for f in found]


def _tour(keys: Iterator[Key], out: Path, limit: float, again: bool) -> None:
    known = {(note["library"], note["name"]) for note in lines(out)}
    worker = Worker(limit)
    try:
        for number, key in enumerate(keys):
            if key in known and not again:
                continue
            note = worker.examine(*key)
            if note.get("built") and (again or number % EVERY == 0):
                note["command"] = by_command(*key, note.get("smaller"))
            with out.open("a", encoding="utf8") as file:
                print(json.dumps(note), file=file, flush=True)
            print(_told(note), flush=True)
    finally:
        worker.end()


def _told(note: Note) -> str:
    found = ", ".join(f"{f['rule']}:{f['severity']}" for f in note.get("findings", ()))
    wrong = note.get("exception") or note.get("complaint") or "; ".join(note.get("faults", ()))
    modes = "+".join(mode for mode, whole in note.get("traced", {}).items() if whole) or "not traced"
    seconds = note.get("seconds", 0.0)
    return f"{note['library']:13} {note['name']:40} {seconds:7.1f} s  {modes:10} {found} {wrong}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--timm", type=int, default=0, metavar="N")
    parser.add_argument("--torchvision", type=int, nargs="?", const=1_000, default=0, metavar="N")
    parser.add_argument("--transformers", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("zoo.jsonl"))
    parser.add_argument("--again", nargs="*", default=[], metavar="LIBRARY/NAME")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds for one model")
    parser.add_argument("--report", type=Path, nargs="+", metavar="RESULTS", help="write docs/zoo.md")
    asked = parser.parse_args()
    if asked.report:
        from menagerie import table

        path = HERE.parent / "docs" / "zoo.md"
        path.write_text(table.page([note for results in asked.report for note in lines(results)]), "utf8")
        return
    from menagerie import libraries

    if asked.again:
        keys = iter([(library, name) for library, _, name in (n.partition("/") for n in asked.again)])
    else:
        counts = {name: getattr(asked, name) for name in ("transformers", "timm", "torchvision")}
        keys = libraries.wanted(counts, asked.out.with_suffix(".sizes.json"))
    _tour(keys, asked.out, asked.limit, bool(asked.again))


if __name__ == "__main__":
    main()
