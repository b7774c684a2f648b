"""What batch norms are given: population statistics, and eval mode on statistics of our choice."""
