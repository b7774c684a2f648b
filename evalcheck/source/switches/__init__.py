"""How classes of modules treat train(), eval() and their own state."""
