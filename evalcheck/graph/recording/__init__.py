"""How a forward is written down: watched while it runs, or traced symbolically where nothing can be run."""
