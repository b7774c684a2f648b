"""Copies of a model: averages, checkpoints, exported programs, and what several processes share."""
