"""Fixes on their way into files: text edits, held to be valid Python, written whole or not at all.

``rewrite`` works on bytes and touches no file; ``write`` puts its result in the file's place;
``difference`` shows it as a patch; ``tally`` says in a line what was done. No torch, no user's code.
"""

from evalcheck.rewriting.difference import difference
from evalcheck.rewriting.disk import Unwritable, write
from evalcheck.rewriting.rounds import Rewritten, rewrite
from evalcheck.rewriting.tally import tally

__all__ = ["Rewritten", "Unwritable", "difference", "rewrite", "tally", "write"]
