"""EYES 4: a model and batches, run in both modes under guard, and what differs.

:class:`Trial` is the subject of the probe's checks. Every number's formula and source stand
where it is computed; ``docs/measuring.md`` says what they mean.
"""

from evalcheck.probe.pool import OutOfMemory, Pool, draw
from evalcheck.probe.running.runner import NotFinite
from evalcheck.probe.trial import Trial

__all__ = ["NotFinite", "OutOfMemory", "Pool", "Trial", "draw"]
