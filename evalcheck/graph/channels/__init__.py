"""Dropouts of whole channels whose input has another layout than they take for granted."""
