"""A traced model folded to its modules: what a drawing shows of it."""

from evalcheck.graph.folding.both_modes import picture

__all__ = ["picture"]
