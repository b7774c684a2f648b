"""How results depend on the size of batches, and what the learning rate has to do with it."""
