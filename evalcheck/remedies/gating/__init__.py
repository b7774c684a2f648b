"""Makes randomness in eval mode ask for the mode, as the mended code would, without touching the code."""
