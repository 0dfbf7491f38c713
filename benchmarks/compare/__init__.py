"""Reprotech beside what people would otherwise take: `python -m benchmarks.compare` measures and writes the report."""
