"""What `benchmarks/recalibration.py` compares: situations, the exact statistics, the tools, the damage."""
