"""Running variances that are averaged over ranks as if the means were equal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.buffer_reductions import reductions
from evalcheck.source.kinds import is_unit_test


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each average over ranks that leaves out how far the ranks' means lie apart."""
    if is_unit_test(file):
        return
    for one in reductions(file):
        what = "every buffer, running variances among them," if one.all_buffers else "the running variances"
        yield Sighting(
            layer="source",
            place=file.place(one.call),
            message=(
                f"This averages {what} over the ranks, but the variance of all samples is the mean of the "
                f"variances plus the variance of the means: the result is too small wherever the ranks' "
                f"means differ. Average running_var + running_mean**2 and subtract the squared mean, or use "
                f"SyncBatchNorm."
            ),
            strength="slight" if one.all_buffers else "usual",
        )
