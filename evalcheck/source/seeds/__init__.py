"""Random generators: what draws, what seeds, which backends are asked for determinism."""
