"""Reprotech compared with its alternatives: `python -m benchmarks.harness` measures and writes the report."""
