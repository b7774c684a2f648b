"""What an output depends on besides its own sample: in eval mode, and in train mode beyond norms."""
