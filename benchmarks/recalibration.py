"""Running statistics by torch's update_bn, fvcore's update_bn_stats and evalcheck.recalibrate.

    python benchmarks/recalibration.py [--seeds 3] [--only NAME ...]

Small nets with batch norm are trained on scikit-learn's digits, each in a situation that people have
(``--only`` picks by parts of names). Each tool gets a copy of the same model and the loader, as its
documentation says; fvcore's twice, with the whole model in train mode and with the norms alone. Printed are

- the error of the statistics against those that eval mode should have, computed layer by layer, as the
  expected difference of normalised values in % of their standard deviation
  (``recalibration_situations/exact.py`` has the formula);
- loss and accuracy on 500 test images, before and after;
- what the tool left behind: modes, momentum, hooks, counters, generators, weights, and what it said;
- its CPU time in plain passes over the loader.

Figures are means over the seeds. The verdict of a row is ``best`` where evalcheck's error is lower than that
of all others by more than 0.25 points (the loss by 0.01), ``equal`` where it is higher than none by more,
``LOST`` otherwise; then the exit status is 1. evalcheck runs all these images at once, for they fit into
memory; ``by 128`` is evalcheck where no more than 128 would fit, which must not lose, either. Needs
scikit-learn, and fvcore for its columns.
"""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "evidence")]

from recalibration_situations import printed  # noqa: E402
from recalibration_situations.comparing import EQUAL_ERROR, EQUAL_LOSS, EXACT, Row, compared  # noqa: E402
from recalibration_situations.remarks import per_call  # noqa: E402
from recalibration_situations.situations import SITUATIONS  # noqa: E402
from recalibration_situations.tools import INSTALL, OURS, tools, update_bn_stats  # noqa: E402
from table import Report  # noqa: E402


def remarks(report: Report, rows: Sequence[Row], seeds: int) -> None:
    """What the tables do not say."""
    for row in rows:
        if row.situation.shared:
            loss, accuracy = per_call(seeds)
            report.remark(
                f"shared norm: with statistics for each call, {loss:.3f} {accuracy:.1f}; with one set"
            )
            loss, accuracy = row.mean(EXACT, "loss"), row.mean(EXACT, "accuracy")
            report.remark(f"for both calls, but taken layer by layer in eval mode, {loss:.3f} {accuracy:.1f}")


def claims(report: Report, rows: Sequence[Row]) -> None:
    report.claim(
        "the error of ours is best or equal in every row",
        all(row.verdict("error", EQUAL_ERROR) != "LOST" for row in rows),
    )
    report.claim("so is its loss", all(row.verdict("loss", EQUAL_LOSS) != "LOST" for row in rows))
    near = [abs(row.mean(OURS, "loss") - row.mean(EXACT, "loss")) for row in rows if not row.situation.shared]
    report.claim("its loss is that of exact statistics to 0.01", all(apart <= EQUAL_LOSS for apart in near))
    report.claim(
        "it leaves nothing behind but statistics and their counters", all(row.leaves_nothing for row in rows)
    )


def main() -> None:
    warnings.simplefilter("ignore")
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = Report(__doc__)
    if update_bn_stats is None:
        report.remark(INSTALL)
    found = tools()
    rows = []
    for situation in SITUATIONS:
        if not args.only or any(part in situation.name for part in args.only):
            print(".", end="", file=sys.stderr, flush=True)
            rows.append(compared(situation, found, args.seeds))
    print(file=sys.stderr)
    printed.situations(rows)
    for show in (printed.errors, printed.losses, printed.left, printed.costs):
        show(rows, list(found))
    print()
    remarks(report, rows, args.seeds)
    claims(report, rows)
    report.close()


if __name__ == "__main__":
    main()
