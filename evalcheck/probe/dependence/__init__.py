"""What an eval output depends on besides its own sample."""
