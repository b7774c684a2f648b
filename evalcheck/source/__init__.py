"""The first pair of eyes: text in, ``SourceFile`` and ``Project`` out.

Only the syntax tree is read. The user's code is never imported, and neither is torch.
"""

from evalcheck.source.file import SourceFile
from evalcheck.source.project import Project, read_project

__all__ = ["Project", "SourceFile", "read_project"]
