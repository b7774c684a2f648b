"""How a model is run over a pool, in which state, and what of its output is kept."""
