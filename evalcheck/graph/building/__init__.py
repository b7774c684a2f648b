"""Which line of the user's code built a module."""
