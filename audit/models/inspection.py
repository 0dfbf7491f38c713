"""What helps to inspect the log; none of it is part of the log."""
