"""Checks that judge what the loader layer sees."""
