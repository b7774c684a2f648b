"""Norm layers in the source: how they are built, what is written to them, what stands before them."""
