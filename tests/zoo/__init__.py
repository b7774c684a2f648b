"""Small models for each thing that is hard to trace, examined as a whole."""
