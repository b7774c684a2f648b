"""What a built model says of itself without a forward: modes, averaged copies, weights, observers."""
