"""The words of the trade that every room uses: layers, severities, how sure a layer is.

Nothing is imported here that costs time to load.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Layer = Literal["source", "graph", "loader", "probe"]
    Severity = Literal["error", "warning", "note"]
    Certainty = Literal["read", "traced", "measured"]
else:
    Layer = Severity = Certainty = str

LAYERS: tuple[Layer, ...] = ("source", "graph", "loader", "probe")
SEVERITIES: tuple[Severity, ...] = ("note", "warning", "error")
CERTAINTY: dict[Layer, Certainty] = {
    "source": "read",
    "graph": "traced",
    "loader": "measured",
    "probe": "measured",
}
