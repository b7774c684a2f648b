"""Picture → text, Graphviz, SVG: how a traced model looks. One module per format, loaded when asked for."""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from evalcheck.picture import Picture

FORMATS = ("text", "dot", "svg")


def render(
    picture: Picture,
    format: str = "text",
    *,
    depth: int | None = None,
    color: bool = False,
    width: int = 100,
    quiet: bool = False,
    verbose: bool = False,
) -> str:
    """The picture in one of :data:`FORMATS`.

    ``depth`` counts levels of modules, the model itself being the first; without it the picture is
    folded until it fits a screen, unless ``verbose`` asks for all. ``width`` counts columns of text.
    """
    from evalcheck.drawing import folding

    module = import_module(f"{__name__}.{format}")
    if depth or verbose:
        shown = folding.fold(picture, depth, verbose)
    else:
        shown = folding.fit(picture, module.ROOM, getattr(module, "fits", None))
    text: str = module.render(picture, shown, color=color, width=width, quiet=quiet, verbose=verbose)
    return text
