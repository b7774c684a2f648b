"""Something that all ranks must do together, done by rank 0 alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from evalcheck.finding import Quote, Sighting
from evalcheck.source import SourceFile
from evalcheck.source.copies.ranks import collectives, met_by_others, rank_zero_block, wrapped_calls
from evalcheck.source.kinds import is_unit_test
from evalcheck.source.models import has_batch_norm
from evalcheck.source.values import keyword, unpacks

# Options of the wrapper by which a forward leaves the buffers alone.
SYNC = ("broadcast_buffers", "forward_sync_buffers")


def check(file: SourceFile, options: Mapping[str, Any]) -> Iterator[Sighting]:
    """Report each collective, and each forward of a wrapped model with buffers, that only rank 0 reaches."""
    if is_unit_test(file):
        return
    for call, name in list(collectives(file)):
        block = rank_zero_block(file, call)
        if block is None or met_by_others(file, block, call, name):
            continue
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=(
                f"Only rank 0 calls {name}(), which waits for all ranks: it waits for ever, or is paired "
                f"with a later call of the others. Move it behind the if, so that every rank reaches it."
            ),
            evidence=(Quote(file.place(block.test), "only rank 0 comes in here"),),
        )
    for call, wrap in wrapped_calls(file):
        block = rank_zero_block(file, call)
        if block is None or unpacks(wrap) or keyword(wrap, *SYNC) or not wrap.args:
            continue
        if not has_batch_norm(file, wrap.args[0]):
            continue
        yield Sighting(
            layer="source",
            place=file.place(call),
            message=(
                "Only rank 0 runs this model, which is wrapped in DistributedDataParallel: its forward "
                "broadcasts the batch norms' buffers, in eval mode too, and the other ranks do not take "
                "part, so that they wait or are paired with a later call. Call model.module here."
            ),
            evidence=(
                Quote(file.place(block.test), "only rank 0 comes in here"),
                Quote(file.place(wrap), "the model is wrapped here"),
            ),
        )
