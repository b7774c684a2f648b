"""What stands in for data where the user gives none: an input that is made up."""

from evalcheck.inputs.choice import Choice, choose
from evalcheck.inputs.wording import WAY_OUT, way_out

__all__ = ["WAY_OUT", "Choice", "choose", "way_out"]
