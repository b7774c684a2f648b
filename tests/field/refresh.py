"""Lints well-kept packages from PyPI and brings `findings.tsv` up to date.

    python tests/field/refresh.py [--folder FOLDER]

The table holds every warning and error that the reader gives on the packages below, each with the
verdict of somebody who read the code: `true` (the code does what the message says, and it is not evidently
meant) or `false`, and why. Verdicts are kept by package, rule and the text of the line; what is new is
written as `unread`, and a finding that is gone is dropped. Packages are fetched from PyPI once.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import evalcheck

PACKAGES = (
    "botorch==0.18.1",
    "brevitas==0.13.4",
    "captum==0.9.0",
    "espnet==202511",
    "gpytorch==1.15.2",
    "mmengine==0.10.7",
    "nemo-toolkit==3.0.0",
    "opacus==1.6.0",
    "open-clip-torch==3.3.0",
    "pypots==1.5",
    "pytorch-forecasting==1.8.0",
    "pytorch-metric-learning==2.9.0",
    "sbi==0.27.0",
    "sentence-transformers==6.2.0",
    "stable-baselines3==2.9.2",
    "x-transformers==2.31.10",
)
TABLE = Path(__file__).with_name("findings.tsv")
FIELDS = ("package", "rule", "severity", "path", "line", "fingerprint", "verdict", "reason")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "evalcheck-field")
    folder: Path = arguments.parse_args().folder.resolve()
    known = {(row["package"], row["fingerprint"]): row for row in read_table()}
    rows = [row for package in PACKAGES for row in _findings(package, fetched(folder, package), known)]
    with TABLE.open("w", encoding="utf8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, delimiter="\t", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    verdicts = Counter(row["verdict"] for row in rows)
    print(", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items())))


def read_table() -> list[dict[str, str]]:
    """The rows of the table, as text."""
    if not TABLE.exists():
        return []
    with TABLE.open(encoding="utf8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def fetched(folder: Path, package: str) -> Path:
    """The package's files, below a folder of its own."""
    tree = folder / package.replace("==", "-")
    if not tree.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        subprocess.run([*pip, "--target", str(tree), package], check=True)
    return tree


def _findings(package: str, tree: Path, known: dict[tuple[str, str], dict[str, str]]) -> list[dict[str, str]]:
    rows = []
    for finding in evalcheck.lint(tree).at_least("warning"):
        span = finding.place.span
        assert span is not None
        path = Path(span.path).resolve().relative_to(tree).as_posix()
        # The tree may lie anywhere: what is kept of a finding must not depend on where.
        print_of = f"{path}:{span.text}"
        before = known.get((package, _short(finding.rule, print_of)), {})
        rows.append(
            {
                "package": package,
                "rule": finding.rule,
                "severity": finding.severity,
                "path": path,
                "line": str(span.line),
                "fingerprint": _short(finding.rule, print_of),
                "verdict": before.get("verdict", "unread"),
                "reason": before.get("reason", ""),
            }
        )
    return sorted(rows, key=lambda row: (row["path"], int(row["line"]), row["rule"]))


def _short(rule: str, text: str) -> str:
    import hashlib

    return hashlib.blake2b(f"{rule}\0{text}".encode(), digest_size=6).hexdigest()


if __name__ == "__main__":
    main()
