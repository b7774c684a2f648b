"""Datasets, transforms, loaders and the metrics that are averaged over them."""
