"""Plain collections of modules, and how they are registered."""
