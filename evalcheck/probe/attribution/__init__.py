"""Which module causes how much of a difference."""
