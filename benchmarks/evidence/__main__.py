"""All tables one after another, each in a process of its own.

    python benchmarks/evidence [NAME ...]

Ends with a list of what failed, and with status 1 if something did.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    "statistics_by_epoch",
    "dropout_before_norm",
    "dropout_ratio",
    "variance_shift",
    "domain_statistics",
    "shared_norms",
    "leakage",
    "moving_average",
    "sampling",
    "distances",
    "noise_scale",
    "shapley",
    "planted_faults",
)


def main() -> None:
    taken = {}
    for name in sys.argv[1:] or SCRIPTS:
        start = time.monotonic()
        status = subprocess.run([sys.executable, str(HERE / f"{name}.py")], check=False).returncode
        taken[name] = (status, time.monotonic() - start)
        print("\n" + "=" * 110 + "\n", flush=True)
    for name, (status, seconds) in taken.items():
        print(f"{name:<22} {seconds:4.0f} s  {'every claim holds' if status == 0 else 'FAILED'}")
    if any(status for status, _ in taken.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
