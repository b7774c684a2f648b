"""What runs, or fails, in one mode only."""
