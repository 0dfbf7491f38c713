"""What happens when a part fails, under load: `python -m benchmarks.faults [scenario ...] [--seconds 60]`."""
