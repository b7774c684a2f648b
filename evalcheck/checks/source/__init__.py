"""Checks that judge what the source layer sees."""
