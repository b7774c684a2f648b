"""Modules that a model uses and does not own."""
