"""Where the noise of a dropout reaches a batch norm, and by which way."""
