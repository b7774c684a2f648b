"""Determinism is asked for while cuDNN may choose another algorithm in each run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.edits import replace
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.seeds.backends import contradictions


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each switch for the benchmark that stands beside a claim of determinism."""
    for benchmark, claim in contradictions(file):
        if is_unit_test(file):
            return
        yield Sighting(
            layer="source",
            place=file.place(benchmark),
            message=(
                "cudnn.benchmark measures algorithms and takes the fastest, which can be another one in the "
                "next run, so results differ although determinism is asked for: set benchmark = False."
            ),
            evidence=(Quote(file.place(claim), "determinism is asked for here"),),
            fix=replace(file, benchmark.value, "False", "switch the benchmark off", safe=False),
        )
