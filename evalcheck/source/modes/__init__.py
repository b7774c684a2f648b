"""In which mode a model is where it is run: the mode followed as a state through a file's functions."""

from evalcheck.source.modes.runs import Run, runs_in_train_mode

__all__ = ["Run", "runs_in_train_mode"]
