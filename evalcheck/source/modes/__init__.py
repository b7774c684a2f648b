"""In which mode a model is where it is used: the mode followed as a state through the functions of a project.

A machine runs functions on paper. ``state`` says what is known at one point, ``machine`` runs statements,
``expressions`` and ``collections`` know values, ``calls``, ``inlining`` and ``others`` know what calls do,
``switching`` sets modes, ``managers`` knows ``with`` and ``finally``. ``facts`` runs a file once for all
rules; ``judging`` says what of that is wrong for certain.
"""

from evalcheck.source.modes.facts import Facts, facts
from evalcheck.source.modes.judging import Lasting, Use

__all__ = ["Facts", "Lasting", "Use", "facts"]
