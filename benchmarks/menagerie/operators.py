"""Lets torchvision's Python code be imported beside a torch that its binary was not built for.

Its operators (boxes, regions) are then missing: their names are declared, so that the import passes, and
a model that calls one fails. Classification and segmentation models do not.
"""

from __future__ import annotations

import torch

_MISSING = (
    *("nms", "qnms", "roi_align", "_roi_align_backward", "roi_pool", "_roi_pool_backward"),
    *("ps_roi_align", "_ps_roi_align_backward", "ps_roi_pool", "_ps_roi_pool_backward"),
    *("deform_conv2d", "_deform_conv2d_backward"),
)
_libraries: list[torch.library.Library] = []


def declare() -> None:
    """Declare what is missing; nothing where torchvision has its operators, or there is no torchvision."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
    except ImportError:
        return
    else:
        return
    _forget()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in _MISSING:
        library.define(f"{name}(Tensor x) -> Tensor")
    _libraries.append(library)  # Alive: the declarations go with it.


def _forget() -> None:
    """What the failed import left behind would stop the next one."""
    import sys

    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
