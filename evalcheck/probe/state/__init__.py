"""What one forward leaves behind on the model, and what that does to the next."""
