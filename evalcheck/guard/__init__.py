"""Gives the user's model back as it was, whatever is done to it in between."""

from evalcheck.guard.initialising import initialised
from evalcheck.guard.randomness import restored_randomness
from evalcheck.guard.untouched import untouched

__all__ = ["initialised", "restored_randomness", "untouched"]
