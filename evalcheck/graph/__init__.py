"""The second pair of eyes: a built module, its state, and one recorded forward in each mode."""

from evalcheck.graph.flows.flow import DropoutPath
from evalcheck.graph.model_graph import Hole, ModelGraph
from evalcheck.graph.module_view import ModuleView
from evalcheck.graph.reading import read, trace
from evalcheck.graph.traces import Call, Trace
from evalcheck.graph.unregistered.hidden import HiddenModule

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
