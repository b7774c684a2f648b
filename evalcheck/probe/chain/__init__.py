"""The way from eval mode to train mode, in steps that each change one thing."""
