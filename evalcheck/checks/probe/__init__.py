"""Checks that judge what the probe layer sees."""
