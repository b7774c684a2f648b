"""The second pair of eyes: a built module, its state, and one recorded forward in each mode."""

from evalcheck.graph.flow import DropoutPath
from evalcheck.graph.hidden import HiddenModule
from evalcheck.graph.model_graph import Hole, ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.reading import read, trace
from evalcheck.graph.traces import Call, Trace

__all__ = [
    "Call",
    "DropoutPath",
    "HiddenModule",
    "Hole",
    "ModelGraph",
    "ModuleView",
    "Trace",
    "read",
    "trace",
]
