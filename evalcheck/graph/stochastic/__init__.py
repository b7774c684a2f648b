"""What a recorded forward drew at random, what for, and what its authors say of it."""
