"""What a batch is: its inputs, its targets, and how a model is called with it."""

from evalcheck.batch import tree
from evalcheck.batch.batch import Batch, join
from evalcheck.batch.binding import Forward, bind

__all__ = ["Batch", "Forward", "bind", "join", "tree"]
