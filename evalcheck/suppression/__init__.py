"""Comments by which people say that a finding is meant, and whether each is still needed.

``comments`` reads them from a text, ``sifting`` holds findings against them. Nothing here reads a file.
"""

from evalcheck.suppression.sifting import Suppressions, drop, sift

__all__ = ["Suppressions", "drop", "sift"]
