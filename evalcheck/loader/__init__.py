"""EYES 3: a DataLoader, or any iterable of batches, as something that answers questions.

It draws as few samples as it can and leaves every random generator as it was.
"""

from evalcheck.loader.difference import Change, Repeat
from evalcheck.loader.norms import Norm
from evalcheck.loader.pipeline import Transform
from evalcheck.loader.plan import Plan
from evalcheck.loader.view import LoaderView

__all__ = ["Change", "LoaderView", "Norm", "Plan", "Repeat", "Transform"]
