"""Randomness in forward: dropout, attention's dropout, drawn noise, and whether the mode gates it."""
