"""The step from shuffled batches to the training loader's own: are they a fair sample of its data?"""

from __future__ import annotations

from dataclasses import replace

import torch

from evalcheck.probe.chain.steps import Step
from evalcheck.probe.judging import distance
from evalcheck.probe.passes import Passes
from evalcheck.probe.running import modes
from evalcheck.probe.statistics.population import Population

# As-loaded batches cost a pass of their own: half a pool is enough to see sorted ones.
SAMPLES = 256
UNEVEN = 1.5


def as_loaded(passes: Passes, population: Population) -> Step | None:
    """Batch statistics on the feed, reshuffled and as it was loaded; None where order says nothing.

    Both sides run on the feed, whose outputs have a variance of their own: held samples of another scale
    would make every size large or small. The distance holds the noise of both passes, of which the held
    samples' two passes say the share of their output. On samples that were trained on it is another one: what
    is less than half above it counts as noise.
    Homogeneous batches have statistics of their own, which a network learns to lean on (Wu and Johnson,
    arXiv 2105.07576, section 6 and figure 8).
    """
    feed = population.feed
    if not population.foreign or feed.whole is None or len(passes.reference) < 2:
        return None
    if feed.samples < 2 * feed.batch_size:
        return None
    count = max(SAMPLES // feed.batch_size, 2) * feed.batch_size
    if feed.samples > count:
        whole = feed.whole.rows(torch.arange(count))
        feed = replace(feed, whole=whole, batches=(whole,))
    reshuffled = population.shuffled.first(count)
    loaded = passes.rows(feed, modes.batch_statistics)
    spread = distance.spread([run.rows for run in passes.reference], passes.evaluated.rows)
    own, held = distance.variance(reshuffled.rows), distance.variance(*(run.rows for run in passes.reference))
    noise = 2 * float(spread.noise.mean()) * (own / held if held > 0 else 1.0)
    apart = distance.squared(reshuffled.rows, loaded.rows)
    return Step("order", reshuffled, (loaded,), known=noise if apart > UNEVEN * noise else apart, own=own)
