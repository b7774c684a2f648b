"""Checks that judge what the graph layer sees."""
