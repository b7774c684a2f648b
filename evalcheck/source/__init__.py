"""The first pair of eyes: text in, ``SourceFile`` and ``Project`` out.

Only the syntax tree is read. The user's code is never imported, and neither is torch.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evalcheck.source.file import SourceFile as SourceFile
    from evalcheck.source.project import Project as Project

__all__ = ["Project", "SourceFile"]


def __getattr__(name: str) -> object:
    """Loaded when asked for: most runs only look at bytes."""
    if name == "SourceFile":
        from evalcheck.source.file import SourceFile

        return SourceFile
    if name == "Project":
        from evalcheck.source.project import Project

        return Project
    raise AttributeError(name)
